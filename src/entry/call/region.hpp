/*
 * region.hpp — the argument that says of which country national numbers are.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* Returns two capital letters, also when small ones were given; empty for NULL. Raises 22023 for
 * what cannot be a country's code. Whether the code exists, libphonenumber decides. */
const char *optional_region(FunctionCallInfo fcinfo, int index);

} // namespace whatsapp::entry
