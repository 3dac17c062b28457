/*
 * kept_role.hpp — a role that a row names, by whose rights something works.
 *
 * A dump keeps its name, and this database its number beside: a role that was given another name is
 * the same one, and whoever gets the old name is another.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* This database: a copy has another number, or another server. */
const char *this_home();

/* What is kept beside the name. */
const char *number_of_kept_role(Oid role);

/* By its number where this database has kept it, by its name where it has not; InvalidOid when it
 * is gone. number may be NULL. */
Oid find_kept_role(const char *name, const char *number);

} // namespace whatsapp::pg
