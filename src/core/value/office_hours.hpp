/*
 * office_hours.hpp — whether hours are written as wa_send_window() reads them.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* Such as "Mon-Fri 09:00-18:00, Sat 10:00-14:00": days, a space, hours from 00:00 to 24:00. */
bool valid_office_hours(std::string_view hours) noexcept;

/* Whether its characters are those of a name of the IANA time zone database, such as
 * "Europe/Madrid". Whether there is such a zone is not looked up. */
bool looks_like_time_zone(std::string_view text) noexcept;

} // namespace whatsapp
