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

/*
 * An amount that a computer has written, and perhaps by way of a binary fraction: rounded to the
 * decimals that are kept, all of them shown.
 *
 * "0.035" → "0.03500000", "0.035000000000000003" → "0.03500000". Two such texts can be compared as
 * numbers: the longer one is greater; of two of the same length, the one that sorts later. Empty
 * for what is no amount, as above, and for 1,000,000 and more.
 */
std::string read_amount(std::string_view written);

} // namespace whatsapp
