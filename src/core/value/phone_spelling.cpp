/*
 * phone_spelling.cpp — one character at a time.
 */
#include "core/value/phone_spelling.hpp"

#include "core/base/fault.hpp"
#include "core/base/utf8.hpp"
#include "core/value/character_name.hpp"
#include "core/value/e164.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_phone_bytes = 1024;
/* "089 12345/6" stands for two numbers, 12345 and 12346. When a slash stands behind an area code,
 * more digits follow it. */
constexpr std::size_t least_behind_slash = 4;

[[noreturn]] void
refuse_phone(std::string_view phone, const std::string &why)
{
	throw Fault(sqlstate::invalid_parameter_value, "phone number cannot be read",
	            why + name_number(phone),
	            "Write one number, with + and its country code, for example +34612345678.");
}

[[noreturn]] void
refuse_character(std::string_view phone, std::size_t at, const char *why)
{
	std::string text = name_character_at(phone, at);
	text[0] = 'T';
	refuse_phone(phone, text + why);
}

bool
is_separator(char32_t c) noexcept
{
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == 0xFF08 || c == 0xFF09 ||
	       c == 0xFF0E || is_foreign_space(c) || is_foreign_dash(c) || is_invisible(c);
}

bool
is_plus(char32_t c) noexcept
{
	return c == '+' || c == 0xFF0B || c == 0xFE62;
}

std::string_view
without_ends(std::string_view phone) noexcept
{
	constexpr std::string_view white = " \t\r\n\v\f";
	const std::size_t begin = phone.find_first_not_of(white);
	if (begin == std::string_view::npos)
		return {};
	phone = phone.substr(begin, phone.find_last_not_of(white) - begin + 1);
	if (phone.substr(0, 4) == "tel:")
		phone.remove_prefix(4);
	return phone;
}

} // namespace

std::string
spell_phone(std::string_view phone)
{
	if (phone.size() > max_phone_bytes)
		refuse_phone(phone, "The text is longer than any number.");
	const std::string_view text = without_ends(phone);
	if (text.empty())
		refuse_phone(phone, "The text is empty.");
	if (in_exponent_form(text) || in_decimal_form(text))
		refuse_phone(phone, phone_problem(text));

	std::string out;
	std::size_t slash = std::string::npos;
	for (std::size_t at = 0; at < text.size();) {
		const Utf8Character c = decode_utf8(text.substr(at));
		const auto place = static_cast<std::size_t>(text.data() - phone.data()) + at;
		const int digit = c.length == 0 ? -1 : digit_value(c.code_point);
		if (digit >= 0) {
			out += static_cast<char>('0' + digit);
		} else if (c.length > 0 && is_plus(c.code_point)) {
			if (!out.empty())
				refuse_character(phone, place, ", and a plus sign stands at the beginning only.");
			out += '+';
		} else if (c.length > 0 && c.code_point == '/') {
			if (slash != std::string::npos || out.empty())
				refuse_character(phone, place, ": these may be two numbers.");
			slash = out.size();
		} else if (c.length == 0 || !is_separator(c.code_point)) {
			refuse_character(phone, place, ", which has no place in a number.");
		}
		at += c.length == 0 ? 1 : c.length;
	}
	if (out.empty() || out == "+")
		refuse_phone(phone, "The text has no digits.");
	if (slash != std::string::npos && out.size() - slash < least_behind_slash)
		refuse_phone(phone, "What stands behind the slash is too short: these may be two numbers.");
	return out;
}

} // namespace whatsapp
