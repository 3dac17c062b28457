/*
 * kept_role.hpp — a role that a row names, by whose rights something works.
 *
 * The row has the role's name, which a dump keeps, and beside it a number that is good in this
 * database only. So a role that is renamed is still the one that is meant, and a new role with the
 * old name is not.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Names this database by system identifier and OID. A copy within the cluster has another OID, and
 * one that was restored elsewhere another system identifier. */
const char *this_home();

/* The number that is kept beside the name. */
const char *number_of_kept_role(Oid role);

/* By its number where this database has kept it, by its name where it has not; InvalidOid when it
 * is gone. number may be NULL. */
Oid find_kept_role(const char *name, const char *number);

} // namespace whatsapp::pg
