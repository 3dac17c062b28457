/*
 * retry.hpp — when to try again: capped exponential backoff with full jitter. Pure arithmetic; the
 * random number comes from outside.
 */
#pragma once

#include <cstdint>

namespace whatsapp
{

struct RetryPolicy {
	std::int64_t base_ms = 1000;
	std::int64_t cap_ms = 15 * 60 * 1000;
	int max_attempts = 8;
};

/* Milliseconds to wait after attempt number `attempt` (1 for the first) failed; random01 in [0,1).
 * At least base_ms/2, so that jitter never makes a hot loop; never above cap_ms. */
std::int64_t retry_delay_ms(const RetryPolicy &policy, int attempt, double random01) noexcept;

} // namespace whatsapp
