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
 * decimal: what numeric_out prints; not binary floating point, so no cent is lost. The currency's
 * own number of decimals is used, ties rounded half up (away from zero) as on an invoice. The
 * result holds no newline, tab or run of spaces. Faults: invalid_amount (not a finite decimal),
 * invalid_currency (not three ASCII letters, or unknown to ISO 4217), invalid_locale.
 */
std::string format_amount(std::string_view decimal, std::string_view currency,
                          std::string_view locale);

} // namespace whatsapp
