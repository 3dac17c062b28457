/*
 * calling_zones.hpp — the time zones of a phone number's country.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/*
 * Names of the IANA time zone database, separated by commas. Of zones of a country that always have
 * the same time only one is named; where there are several, that of most people is the first. UTC
 * for a number whose country is not known, such as that of a satellite phone.
 *
 * phone: with + or without; its longest beginning that is known decides. A static string, so the
 * same zones have the same address. It says where the number is from, and not where its owner is.
 */
const char *zones_of_phone(std::string_view phone) noexcept;

} // namespace whatsapp
