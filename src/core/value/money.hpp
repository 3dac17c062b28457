/*
 * money.hpp — an amount as a person of a country reads it; the digits are ICU's work.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/*
 * ("1250", "EUR", "en") → "€1,250.00"; ("1250", "EUR", "es") → "1250,00 €" with the separators of
 * that locale.
 *
 * decimal: what numeric_out prints, or that with a plus sign; not binary floating point, so no cent
 * is lost. The currency's own number of decimals is used, ties rounded half up (away from zero) as
 * on an invoice. The result holds no newline, tab or run of spaces. Faults: invalid_amount (not a
 * finite decimal), invalid_currency (not three ASCII letters, or unknown to ISO 4217),
 * invalid_locale.
 */
std::string format_amount(std::string_view decimal, std::string_view currency,
                          std::string_view locale);

/*
 * Whether an amount that came as text is a plain number, as a driver binds a numeric: digits, and
 * places behind a point. True: it is to be formatted. False, as for "€1,250.00" or "1.250,00": the
 * recipient is to read it as it is.
 *
 * Fault invalid_amount for one that would mislead: 3.46E+3 and NaN; a number with a character in it
 * that nobody sees; 1.250 in a currency without three decimal places, which may be a thousand.
 */
bool is_plain_amount(std::string_view text, std::string_view currency);

} // namespace whatsapp
