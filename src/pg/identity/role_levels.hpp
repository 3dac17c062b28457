/*
 * role_levels.hpp — what a sender, a monitor, an operator and an admin may do, as the server's own
 * grants.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/*
 * Grants, or takes back, all that the level has: EXECUTE on functions, rights on tables, and for
 * whoever looks membership in pg_monitor. By the rights of the caller, who needs the grant options.
 * With SPI connected. Raises 22023 for an unknown level, 42501 when the caller may not.
 */
void grant_level(Oid role, const char *level);
void revoke_level(Oid role, const char *level);

} // namespace whatsapp::pg
