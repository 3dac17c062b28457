/*
 * usage.hpp — the header x-business-use-case-usage: how much of its call budget an account has used
 * up.
 */
#pragma once

#include <cstdint>
#include <string_view>

namespace whatsapp
{

/* From this share on we slow down by ourselves. */
inline constexpr int slow_down_percent = 75;

struct Usage {
	int percent = 0;            /* the greatest of all counters; more than 100 is possible */
	std::int64_t regain_ms = 0; /* until calls are taken again; 0 when they are */
};

/* A header that cannot be read counts as if nothing had been used. */
Usage read_usage(std::string_view header);

} // namespace whatsapp
