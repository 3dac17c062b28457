/*
 * character_name.hpp — what an error calls a character that nobody sees.
 *
 * The names are Unicode's, of a table of our own: ICU's would be 40 kB of data for a word, and a
 * text that an immutable function gives may not change with a library.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

/* "U+200E LEFT-TO-RIGHT MARK"; "U+1F600" for one that is not in the table. */
std::string name_character(char32_t c);

/* The same for the character at this byte of text, as part of a sentence: "the character at
 * position 4 is U+200B ZERO WIDTH SPACE". Positions count characters, from 1. */
std::string name_character_at(std::string_view text, std::size_t byte);

/* Spaces that are not ASCII, and characters without a shape: they change nothing that one reads. */
bool is_foreign_space(char32_t c) noexcept;
bool is_invisible(char32_t c) noexcept;
/* Hyphens, dashes and the minus sign beyond ASCII. */
bool is_foreign_dash(char32_t c) noexcept;

/* The value of a decimal digit of any script; -1 for others. */
int digit_value(char32_t c) noexcept;

} // namespace whatsapp
