/*
 * utf8.hpp — one UTF-8 character at a time, by the strict rules of RFC 3629.
 *
 * PostgreSQL and Meta both refuse overlong forms, surrogates and code points above U+10FFFF, so
 * they are malformed here as well. Nothing is repaired: redact.hpp does that.
 */
#pragma once

#include <cstddef>
#include <string_view>

namespace whatsapp
{

/* What a malformed byte and a NUL become in text for the database. */
inline constexpr char replacement_character[] = "\xEF\xBF\xBD";

struct Utf8Character {
	std::size_t length = 0; /* bytes; 0 when the front is malformed or nothing is left */
	char32_t code_point = 0;
};

/* The character at the front of bytes. */
Utf8Character decode_utf8(std::string_view bytes) noexcept;

} // namespace whatsapp
