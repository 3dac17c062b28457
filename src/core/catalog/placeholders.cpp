/*
 * placeholders.cpp — the marks {{1}} and {{name}} in a template's text.
 */
#include "core/catalog/placeholders.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"
#include "core/message/template.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

PlaceholderKind
kind_of(std::string_view name) noexcept
{
	if (name.empty())
		return PlaceholderKind::malformed;
	if (std::all_of(name.begin(), name.end(), is_digit)) {
		if (name.front() == '0' || name.size() > 3)
			return PlaceholderKind::malformed;
		return name.size() < 3 || name == "100" ? PlaceholderKind::numbered
		                                        : PlaceholderKind::malformed;
	}
	const auto snake = [](char c) { return is_lower(c) || is_digit(c) || c == '_'; };
	return !is_digit(name.front()) && std::all_of(name.begin(), name.end(), snake)
	           ? PlaceholderKind::named
	           : PlaceholderKind::malformed;
}

bool
is_white_space(char32_t c) noexcept
{
	return c <= ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200F) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x2060 || c == 0x3000 ||
	       c == 0xFEFF;
}

/* Thai, Lao, Burmese, Khmer, kana and Han. */
bool
is_unspaced_script(char32_t c) noexcept
{
	return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
	       (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3041 && c <= 0x30FF) ||
	       (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

bool
word_character(char32_t c) noexcept
{
	if (c < 0x80)
		return is_letter_or_digit(static_cast<char>(c));
	/* signs of Latin-1, general punctuation, and signs of CJK are no words */
	return c >= 0xC0 && !is_white_space(c) && !(c >= 0x2010 && c <= 0x206F) &&
	       !(c >= 0x3000 && c <= 0x303F);
}

/* One character of a text, and a byte where it is no UTF-8. */
Utf8Character
next_character(std::string_view text) noexcept
{
	const Utf8Character character = decode_utf8(text);
	return character.length == 0 ? Utf8Character{1, 0xFFFD} : character;
}

} // namespace

std::vector<FoundPlaceholder>
scan_placeholders(std::string_view text)
{
	std::vector<FoundPlaceholder> found;
	std::size_t counted = 0;
	std::size_t characters = 0;
	for (std::size_t at = 0; (at = text.find("{{", at)) != std::string_view::npos;) {
		characters += count_characters(text.substr(counted, at - counted));
		counted = at;
		const std::size_t name_at = at + 2;
		const std::size_t close = text.find("}}", name_at);
		const bool closed = close != std::string_view::npos;
		const std::size_t end = closed ? close + 2 : text.size();
		const std::string_view name = text.substr(name_at, (closed ? close : end) - name_at);
		found.push_back({closed ? kind_of(name) : PlaceholderKind::malformed, std::string(name), at,
		                 end, characters + 1});
		at = end;
	}
	return found;
}

std::vector<std::string>
placeholder_names(const std::vector<FoundPlaceholder> &placeholders)
{
	std::vector<std::string> names;
	for (const FoundPlaceholder &placeholder : placeholders)
		if (placeholder.kind != PlaceholderKind::malformed &&
		    std::find(names.begin(), names.end(), placeholder.name) == names.end())
			names.push_back(placeholder.name);
	std::stable_sort(names.begin(), names.end(), [](const std::string &a, const std::string &b) {
		const bool number = is_digit(a[0]);
		if (number != is_digit(b[0]))
			return number;
		return number && (a.size() != b.size() ? a.size() < b.size() : a < b);
	});
	return names;
}

std::size_t
count_characters(std::string_view text) noexcept
{
	std::size_t count = 0;
	for (std::size_t at = 0; at < text.size(); count++)
		at += next_character(text.substr(at)).length;
	return count;
}

std::size_t
count_words(std::string_view text, const std::vector<FoundPlaceholder> &placeholders)
{
	std::size_t words = 0;
	bool inside = false;
	auto next = placeholders.begin();
	for (std::size_t at = 0; at < text.size();) {
		if (next != placeholders.end() && at == next->begin) {
			at = next++->end;
			continue;
		}
		const Utf8Character character = next_character(text.substr(at));
		at += character.length;
		if (is_unspaced_script(character.code_point)) {
			words++;
			inside = false;
		} else if (is_white_space(character.code_point)) {
			inside = false;
		} else if (!inside && word_character(character.code_point)) {
			words++;
			inside = true;
		}
	}
	return words;
}

bool
has_visible_text(std::string_view text) noexcept
{
	for (std::size_t at = 0; at < text.size();) {
		const Utf8Character character = next_character(text.substr(at));
		if (!is_white_space(character.code_point))
			return true;
		at += character.length;
	}
	return false;
}

} // namespace whatsapp
