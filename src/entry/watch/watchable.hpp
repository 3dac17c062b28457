/*
 * watchable.hpp — which tables may be watched, and by whom.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* 42P01 for a relation that is not there, 42809 for what is no table or belongs to the extension,
 * 42501 without the TRIGGER right. */
void check_watchable(Oid relation);

} // namespace whatsapp::entry
