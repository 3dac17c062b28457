/*
 * keyword.hpp — the key by which an inbound text is compared with words such as STOP.
 *
 * People put quotes, emoji and spaces of all kinds around a word, their telephones put some more,
 * and accents are there or not. So letters and digits count, and nothing else.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* Letters and digits of the text in small letters: compatibility forms as the plain ones, without
 * accents. Empty for a text that is too long to be a keyword, and for one without a letter. May
 * throw std::bad_alloc. */
std::string keyword_key(std::string_view text);

} // namespace whatsapp
