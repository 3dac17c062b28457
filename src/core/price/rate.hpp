/*
 * rate.hpp — a rate as a rate card prints it, without losing a digit.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* The digits that whatsapp_rates keeps, numeric(14,8): a cast would round without a word. */
inline constexpr int rate_integer_digits = 6;
inline constexpr int rate_decimals = 8;

/*
 * "0.0618" → "0.0618", "8.0E-4" → "0.0008", "5" → "5": plain digits that a numeric takes exactly.
 *
 * Empty for what is no rate: a sign, a comma, a currency, white space inside, more digits than are
 * kept.
 */
std::string read_rate(std::string_view printed);

} // namespace whatsapp
