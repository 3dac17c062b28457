/*
 * person.hpp — the argument that says who a person is.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "fmgr.h"
}

namespace whatsapp::entry
{

/*
 * Reads a phone number, or a business-scoped user id such as ES.1349 (a country, a point and more),
 * and returns its key: see contact_key(). Raises 22004 for NULL, 22001 for its length, 22023 for
 * the phone.
 */
const char *required_contact(FunctionCallInfo fcinfo, int index);

} // namespace whatsapp::entry
