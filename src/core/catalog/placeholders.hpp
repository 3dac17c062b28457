/*
 * placeholders.hpp — where the placeholders of a template's text stand, well-formed or not.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

enum class PlaceholderKind : unsigned char { numbered, named, malformed };

struct FoundPlaceholder {
	PlaceholderKind kind;
	std::string name;
	std::size_t begin;    /* bytes, of the opening braces */
	std::size_t end;      /* bytes, past the closing ones; the text's size where they lack */
	std::size_t position; /* in characters, from 1 */
};

std::vector<FoundPlaceholder> scan_placeholders(std::string_view text);

/* Each name once: numbers in their order, names in that of the text. Malformed ones are left out.
 */
std::vector<std::string> placeholder_names(const std::vector<FoundPlaceholder> &placeholders);

/* Of UTF-8; a malformed byte counts as one. */
std::size_t count_characters(std::string_view text) noexcept;

/* Words that the platform sets against the placeholders: runs of letters and digits between white
 * space; where a script writes no spaces, each character. */
std::size_t count_words(std::string_view text, const std::vector<FoundPlaceholder> &placeholders);

/* It has more than white space. */
bool has_visible_text(std::string_view text) noexcept;

} // namespace whatsapp
