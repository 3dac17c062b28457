/*
 * retry.cpp — capped exponential backoff with full jitter.
 *
 * The wait is spread evenly between half the base and the doubled-up ceiling, so that a batch that
 * failed together does not come back together. Nonsensical policies are bent to sensible ones.
 */
#include "core/answer/retry.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

std::int64_t
retry_delay_ms(const RetryPolicy &policy, int attempt, double random01) noexcept
{
	std::int64_t cap = std::max<std::int64_t>(policy.cap_ms, 0);
	std::int64_t base = std::clamp<std::int64_t>(policy.base_ms, 0, cap);

	/* Doubling stops before it could pass the cap, hence it cannot overflow. */
	std::int64_t ceiling = base;
	for (int i = 1; i < attempt && ceiling > 0 && ceiling < cap; i++)
		ceiling = ceiling > cap / 2 ? cap : ceiling * 2;

	std::int64_t floor = std::min(std::max<std::int64_t>(policy.base_ms, 0) / 2, ceiling);

	/* Written so that a NaN counts as 0. */
	double share = random01 > 0.0 ? std::min(random01, 1.0) : 0.0;
	auto spread = static_cast<std::int64_t>(share * static_cast<double>(ceiling - floor));
	return std::clamp(floor + spread, floor, ceiling);
}

} // namespace whatsapp
