/*
 * region.hpp — the argument that says of which country national numbers are.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* Two capitals, of small letters, too; empty for NULL. Raises 22023 for what cannot be a code;
 * whether the code exists is the library's to say. */
const char *optional_region(FunctionCallInfo fcinfo, int index);

} // namespace whatsapp::entry
