/*
 * retention.hpp — what is older than whatsapp.keep_messages, keep_bodies, keep_events and
 * keep_inbound say is deleted, or emptied, in small batches.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/*
 * A worker's own transactions: one batch of each kind that has something to do. Returns the
 * milliseconds until it wants to be called again. now: monotonic_ms().
 *
 * A message that waits, and an event that the reader has not acted upon, are left alone whatever
 * their age.
 */
std::int64_t retire_old_rows(std::int64_t now);

/* Events stay for as long as Meta may bring the same again (7 days), and a day more. */
inline constexpr int shortest_keep_events = 8 * 24 * 3600;

} // namespace whatsapp::pg
