/*
 * error_codes.hpp — the wait that belongs to an error code; for sources of core/ only.
 *
 * The table itself is public through explain() and explanations() in outcome.hpp.
 */
#pragma once

#include <cstdint>

namespace whatsapp
{

/* Milliseconds that the platform's documentation asks for after this code, or -1. */
std::int64_t documented_wait_ms(long long code) noexcept;

} // namespace whatsapp
