/*
 * collected_message.hpp — the message that several rows make; a part of watch_collector.hpp.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Makes one message of items: ids is a bigint[] of locked items of one group. With debounce the
 * message is that of the newest item, and takes the place of an earlier one that still waits; with
 * a digest it is made of all of them. Items that are kept get its id. False outside of the hours:
 * opens tells when they begin. */
bool make_collected_message(const char *watch_key, Datum ids, std::int64_t &opens);

} // namespace whatsapp::pg
