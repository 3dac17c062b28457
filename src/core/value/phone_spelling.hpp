/*
 * phone_spelling.hpp — what people write around the digits of a phone number, taken away.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/*
 * "+34 612-34 56 78" → "+34612345678"; "(0)30/12 34" → "0301234": the plus sign if there is one,
 * and ASCII digits. Left out are spaces, hyphens and dashes, points, parentheses, a slash behind an
 * area code, and characters without a shape; digits of other scripts become ASCII. "tel:" in front
 * goes, too.
 *
 * Whatever else stands there is refused, for it may be a second number, an extension or a word, and
 * so is what a spreadsheet has rounded. Throws Fault 22023.
 */
std::string spell_phone(std::string_view phone);

} // namespace whatsapp
