/*
 * watch_collector.hpp — from rows that have waited for others to their messages; the reader's work.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Makes the messages that are due, in transactions of its own, for a short while. now: of
 * monotonic_ms(). Returns after how many milliseconds there is more to do. */
std::int64_t collect_watch_items(std::int64_t now);

/* One step of it: a group that is due becomes a message, or is put off. False when none is due. In
 * a transaction, with SPI connected. */
bool collect_next_group();

} // namespace whatsapp::pg
