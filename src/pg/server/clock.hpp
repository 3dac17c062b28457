/*
 * clock.hpp — a clock that no one sets, for what waits.
 */
#pragma once

#include <cstdint>
#include <ctime>

namespace whatsapp::pg
{

/* Milliseconds since some moment before the process began. */
inline std::int64_t
monotonic_ms() noexcept
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

} // namespace whatsapp::pg
