/*
 * calling_zones.hpp — the time zones of a phone number's country.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/*
 * Names of the IANA database, separated by commas; of a country with several that are not always
 * the same time, one of each, the one of most people first. UTC for a number whose country is not
 * known, such as that of a satellite phone. By the number's longest known beginning, with + or
 * without; a static string, so the same zones have the same address. It says where the number is
 * from, and not where its owner is.
 */
const char *zones_of_phone(std::string_view phone) noexcept;

} // namespace whatsapp
