/*
 * ascii.hpp — questions about ASCII text. <cctype> and strcasecmp() answer by the database's
 * locale, and in a Turkish one I and i are no pair.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

constexpr bool
is_digit(char c) noexcept
{
	return c >= '0' && c <= '9';
}

constexpr bool
is_upper(char c) noexcept
{
	return c >= 'A' && c <= 'Z';
}

constexpr bool
is_lower(char c) noexcept
{
	return c >= 'a' && c <= 'z';
}

constexpr bool
is_letter(char c) noexcept
{
	return is_upper(c) || is_lower(c);
}

constexpr bool
is_letter_or_digit(char c) noexcept
{
	return is_letter(c) || is_digit(c);
}

constexpr char
to_lower(char c) noexcept
{
	return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr char
to_upper(char c) noexcept
{
	return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}

constexpr std::string_view
trimmed_text(std::string_view text) noexcept
{
	constexpr std::string_view white_space = " \t\r\n";
	const std::size_t begin = text.find_first_not_of(white_space);
	if (begin == std::string_view::npos)
		return {};
	return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

inline std::string
lower_case_of(std::string_view text)
{
	std::string word(text);
	for (char &c : word)
		c = to_lower(c);
	return word;
}

constexpr bool
same_but_for_case(std::string_view left, std::string_view right) noexcept
{
	bool same = left.size() == right.size();
	for (std::size_t at = 0; same && at < left.size(); at++)
		same = to_lower(left[at]) == to_lower(right[at]);
	return same;
}

constexpr bool
begins_with(std::string_view text, std::string_view beginning) noexcept
{
	return text.substr(0, beginning.size()) == beginning;
}

constexpr bool
ends_with(std::string_view text, std::string_view end) noexcept
{
	return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

} // namespace whatsapp
