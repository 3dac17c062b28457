/*
 * campaign_watch.hpp — what the reader does for campaigns: stops those that go wrong, measures how
 * fast they go, notes which have ended, and calls off what was cancelled.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In the reader, outside of a transaction; now: pg::monotonic_ms(). Returns in how many
 * milliseconds it is to be called again. */
std::int64_t watch_campaigns(std::int64_t now);

} // namespace whatsapp::pg
