/*
 * collected_message.hpp — the message that several rows make; a part of watch_collector.hpp.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* ids: a bigint[] of locked items of one group. With debounce the newest of them is the message, be
 * it in the place of one that waits still; of a digest it is of all of them. Items that are kept
 * have its id. */
bool make_collected_message(const char *watch_key, Datum ids, std::int64_t &opens);

} // namespace whatsapp::pg
