/*
 * clock.hpp — the clock that time-outs are counted by: it never jumps.
 */
#pragma once

#include <cstdint>
#include <ctime>

namespace whatsapp::net
{

inline std::int64_t
steady_clock_us() noexcept
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<std::int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

inline std::int64_t
steady_clock_ms() noexcept
{
	return steady_clock_us() / 1000;
}

} // namespace whatsapp::net
