/*
 * rings.hpp — what a transaction rings when it is committed, see bells.hpp.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* A time (TimestampTz) before all others, and one after them. */
inline constexpr std::int64_t any_due = INT64_MIN;
inline constexpr std::int64_t no_due = INT64_MAX;

struct Rings {
	bool sender = false;
	std::int64_t due = no_due; /* for the sender: the earliest of what was written */
	bool listener = false;
	bool reader = false;
	bool clerk = false;
	bool launcher = false;
};

} // namespace whatsapp::pg
