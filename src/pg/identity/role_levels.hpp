/*
 * role_levels.hpp — what a sender, a monitor, an operator and an admin may do, as the server's own
 * grants.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/*
 * Grants, or takes back, all that the level has: EXECUTE on functions, rights on tables, and for a
 * level that reads membership in pg_monitor. This is done with the rights of the caller, who needs
 * the grant options. With a sender, of the functions that act or show only those that check the
 * right for a sender. What other grants of the role give stays. With SPI connected. Raises 22023
 * for an unknown level, 42501 when the caller may not.
 */
void grant_level(Oid role, const char *level, const char *sender);
void revoke_level(Oid role, const char *level, const char *sender);

/* Switches row security of our tables on while a grant names a sender, and off when none does: it
 * costs time for every role but the owner, and a dump by another role needs BYPASSRLS. With SPI
 * connected, as the owner. */
void switch_row_security();

} // namespace whatsapp::pg
