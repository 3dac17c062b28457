/*
 * send_window.hpp — office hours: when a message may leave that is due at some time.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Given instead of hours: a message may leave at any time. */
inline constexpr char always_open[] = "always";

/* The first time (TimestampTz) not before moment that is within the hours, by the time zone; when
 * that is NULL or empty, by that of the country of the phone. The moment itself when such hours
 * never come. Raises what wa_send_window() raises. With SPI connected. */
std::int64_t next_opening(std::int64_t moment, const char *hours, const char *time_zone,
                          const char *phone);

} // namespace whatsapp::pg
