/*
 * e164.cpp — what is wrong with a phone number.
 *
 * The checks come in the order of what helps most: an odd character explains more than a wrong
 * length. No sentence repeats the number, which is a personal datum.
 */
#include "core/value/e164.hpp"

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/value/character_name.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t min_digits = 6;
constexpr std::size_t max_digits = 15;

struct Census {
	std::size_t digits = 0;
	std::size_t pluses = 0;
	std::size_t spaces = 0;
	/* at which byte the first of a kind stands; npos: there is none */
	std::size_t foreign = std::string_view::npos;
	std::size_t control = std::string_view::npos;
	std::size_t letter = std::string_view::npos;
	std::size_t separator = std::string_view::npos;
	std::size_t other = std::string_view::npos;
};

void
note_first(std::size_t &first, std::size_t at) noexcept
{
	if (first == std::string_view::npos)
		first = at;
}

Census
take_census(std::string_view phone) noexcept
{
	Census seen;
	for (std::size_t at = 0; at < phone.size(); at++) {
		const char c = phone[at];
		const auto byte = static_cast<unsigned char>(c);
		if (byte >= 0x80)
			note_first(seen.foreign, at);
		else if (byte < 0x20 || byte == 0x7F)
			note_first(seen.control, at);
		else if (is_digit(c))
			seen.digits++;
		else if (is_letter(c))
			note_first(seen.letter, at);
		else if (c == '+')
			seen.pluses++;
		else if (c == ' ')
			seen.spaces++;
		else if (c == '-' || c == '.' || c == '(' || c == ')' || c == '/')
			note_first(seen.separator, at);
		else
			note_first(seen.other, at);
	}
	return seen;
}

bool
white_space_only(std::string_view text) noexcept
{
	return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

bool
was_found(std::size_t first) noexcept
{
	return first != std::string_view::npos;
}

std::string
sentence(std::string text)
{
	text[0] = static_cast<char>(text[0] & ~0x20);
	return text;
}

/* What is wrong with the characters; empty when there are digits alone, and at most one plus sign,
 * in front of them. */
std::string
character_problem(std::string_view phone, const Census &seen)
{
	if (was_found(seen.foreign))
		return sentence(name_character_at(phone, seen.foreign)) +
		       ", which is not ASCII: a number has the plus sign and the digits 0 to 9 only.";
	if (was_found(seen.control))
		return sentence(name_character_at(phone, seen.control)) + ", a control character.";
	if (in_exponent_form(phone))
		return "The number is in exponent form, as spreadsheets write it, and its last digits may be "
		       "lost: take it from its source again, as text.";
	if (was_found(seen.letter))
		return "The number contains letters, the first of them at position " +
		       std::to_string(seen.letter + 1) +
		       "; prefixes such as tel: and extensions are not part of it.";
	if (seen.spaces > 0 && (phone.front() == ' ' || phone.back() == ' '))
		return "The number begins or ends with a space.";
	if (in_decimal_form(phone))
		return "The number ends with decimal places, as of a column that is no text.";
	if (seen.spaces > 0)
		return "The number has spaces.";
	if (was_found(seen.separator))
		return "The number has separators: hyphens, dots, parentheses or slashes.";
	if (was_found(seen.other))
		return sentence(name_character_at(phone, seen.other)) +
		       ", which is neither a digit nor the leading plus sign.";
	if (seen.pluses > 1)
		return "The number has more than one plus sign.";
	if (seen.pluses == 1 && phone.front() != '+')
		return "The plus sign is not at the beginning of the number.";
	return {};
}

/* For digits alone. A sentence may not say more than is known: whether 4532123456 lacks its country
 * code or only the plus depends on where it comes from. */
const char *
missing_plus_problem(std::string_view phone) noexcept
{
	/* 0113 is the area code of Leeds: a national number of Britain may begin with 011, and has 11
	 * digits then */
	constexpr std::size_t longest_of_area_011 = 11;

	if (phone.size() > max_digits + 4)
		return "The number is too long, and begins without a plus sign.";
	if (phone.substr(0, 4) == "0011")
		return "The number begins with 0011, an international prefix of Australia: if it is meant so, "
		       "write + instead of 0011.";
	if (phone.substr(0, 2) == "00")
		return "The number begins with 00, an international prefix: write + instead of 00.";
	if (phone.substr(0, 3) == "011" && phone.size() > longest_of_area_011)
		return "The number begins with 011, an international prefix of North America: write + instead "
		       "of 011.";
	if (phone.front() == '0')
		return "The country code and the leading + are missing: the number begins with 0, as national "
		       "numbers do.";
	return "The leading + is missing, and perhaps the country code: the digits alone do not tell.";
}

} // namespace

bool
in_exponent_form(std::string_view text) noexcept
{
	std::size_t at = 0;
	if (at < text.size() && (text[at] == '+' || text[at] == '-'))
		at++;
	const std::size_t begin = at;
	while (at < text.size() && (is_digit(text[at]) || text[at] == '.' || text[at] == ','))
		at++;
	if (at == begin || at == text.size() || (text[at] != 'e' && text[at] != 'E'))
		return false;
	at++;
	if (at < text.size() && (text[at] == '+' || text[at] == '-'))
		at++;
	const std::size_t exponent = at;
	while (at < text.size() && is_digit(text[at]))
		at++;
	return at > exponent && at == text.size();
}

bool
in_decimal_form(std::string_view text) noexcept
{
	const std::size_t point = text.find_first_of(".,");
	if (point == std::string_view::npos || point < min_digits)
		return false;
	const std::string_view whole = text.substr(text[0] == '+' ? 1 : 0, point - (text[0] == '+'));
	const std::string_view places = text.substr(point + 1);
	return whole.find_first_not_of("0123456789") == std::string_view::npos && !places.empty() &&
	       places.size() <= 2 && places.find_first_not_of('0') == std::string_view::npos;
}

std::string
phone_problem(std::string_view phone)
{
	if (valid_e164(phone))
		return {};
	if (phone.empty())
		return "The number is empty.";
	if (white_space_only(phone))
		return "The number consists of white space only.";

	const Census seen = take_census(phone);
	std::string problem = character_problem(phone, seen);
	if (!problem.empty())
		return problem;
	if (seen.pluses == 0)
		return missing_plus_problem(phone);
	if (seen.digits == 0)
		return "The number is a plus sign alone.";
	if (phone[1] == '0')
		return "The country code begins with 0, and no country code does.";
	if (seen.digits < min_digits)
		return "The number is too short: it needs at least 6 digits, country code included.";
	return "The number is too long: it has at most 15 digits, country code included.";
}

bool
valid_e164(std::string_view phone) noexcept
{
	if (phone.size() < min_digits + 1 || phone.size() > max_digits + 1 || phone[0] != '+' ||
	    phone[1] == '0')
		return false;
	for (const char c : phone.substr(1))
		if (!is_digit(c))
			return false;
	return true;
}

void
check_phone(std::string_view phone)
{
	if (!valid_e164(phone))
		throw Fault(sqlstate::invalid_parameter_value, "phone number is not in E.164 format",
		            phone_problem(phone),
		            "Write the number with + and the country code and no spaces, for example "
		            "+34612345678.");
}

std::string
mask_number(std::string_view phone)
{
	constexpr std::size_t min_named = 7;
	constexpr std::size_t min_masked = 10; /* by mask_phone() */
	constexpr std::size_t shown = 3;

	std::string kept;
	for (const char c : phone.substr(0, 100))
		if (is_digit(c) || (c == '+' && kept.empty()))
			kept += c;
	if (kept.size() < min_named)
		return {};
	std::string masked = mask_phone(kept);
	if (kept.size() < min_masked)
		masked += kept.substr(kept.size() - shown);
	return masked;
}

std::string
name_number(std::string_view phone)
{
	const std::string masked = mask_number(phone);
	return masked.empty() ? masked : " It is " + masked + ".";
}

std::string_view
digits(std::string_view phone) noexcept
{
	if (!phone.empty() && phone.front() == '+')
		phone.remove_prefix(1);
	return phone;
}

} // namespace whatsapp
