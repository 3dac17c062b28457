/*
 * e164.cpp — what is wrong with a phone number, in one sentence.
 *
 * The checks come in the order of what helps most: an odd character explains more than a wrong
 * length. No sentence repeats the number, which is a personal datum.
 */
#include "core/value/e164.hpp"

#include "core/base/fault.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t min_digits = 7;
constexpr std::size_t max_digits = 15;

/* A number without a plus of this many digits or fewer is a national one: the longest in use have
 * ten (US, India, Mexico). */
constexpr std::size_t max_national_digits = 10;

struct Census {
	std::size_t digits = 0;
	std::size_t pluses = 0;
	std::size_t spaces = 0;
	bool controls = false;
	bool foreign = false;
	bool letters = false;
	bool separators = false;
	bool others = false;
};

void
count(char c, Census &seen) noexcept
{
	auto byte = static_cast<unsigned char>(c);

	if (byte >= 0x80)
		seen.foreign = true;
	else if (byte < 0x20 || byte == 0x7F)
		seen.controls = true;
	else if (c >= '0' && c <= '9')
		seen.digits++;
	else if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		seen.letters = true;
	else if (c == '+')
		seen.pluses++;
	else if (c == ' ')
		seen.spaces++;
	else if (c == '-' || c == '.' || c == '(' || c == ')' || c == '/')
		seen.separators = true;
	else
		seen.others = true;
}

bool
white_space_only(std::string_view text) noexcept
{
	return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

/* The first thing that is no digit and no plus sign, or NULL. */
const char *
character_problem(std::string_view phone, const Census &seen) noexcept
{
	if (seen.foreign)
		return "The number contains a character that is not ASCII, such as a digit of another "
		       "script, a full-width plus sign or an invisible space.";
	if (seen.controls)
		return "The number contains a control character, such as a newline or a tab.";
	if (seen.letters)
		return "The number contains letters; prefixes such as tel: and extensions are not part of "
		       "it.";
	if (seen.spaces > 0 && (phone.front() == ' ' || phone.back() == ' '))
		return "The number begins or ends with a space.";
	if (seen.spaces > 0)
		return "The number has spaces.";
	if (seen.separators)
		return "The number has separators: hyphens, dots, parentheses or slashes.";
	if (seen.others)
		return "The number contains a character that is neither a digit nor the leading plus sign.";
	if (seen.pluses > 1)
		return "The number has more than one plus sign.";
	if (seen.pluses == 1 && phone.front() != '+')
		return "The plus sign is not at the beginning of the number.";
	return nullptr;
}

/* For digits alone. */
const char *
missing_plus_problem(std::string_view phone) noexcept
{
	if (phone.substr(0, 2) == "00")
		return "The number begins with 00: write + instead of 00.";
	if (phone.size() <= max_national_digits || phone.front() == '0')
		return "The country code and the leading + are missing.";
	return "The leading + is missing.";
}

} // namespace

const char *
phone_problem(std::string_view phone) noexcept
{
	if (phone.empty())
		return "The number is empty.";
	if (white_space_only(phone))
		return "The number consists of white space only.";

	Census seen;
	for (char c : phone)
		count(c, seen);

	if (const char *problem = character_problem(phone, seen))
		return problem;
	if (seen.pluses == 0)
		return missing_plus_problem(phone);
	if (seen.digits == 0)
		return "The number is a plus sign alone.";
	if (phone[1] == '0')
		return "The country code begins with 0, and no country code does.";
	if (seen.digits < min_digits)
		return "The number is too short: it needs at least 7 digits, country code included.";
	if (seen.digits > max_digits)
		return "The number is too long: it has at most 15 digits, country code included.";
	return nullptr;
}

bool
valid_e164(std::string_view phone) noexcept
{
	return phone_problem(phone) == nullptr;
}

void
check_phone(std::string_view phone)
{
	const char *problem = phone_problem(phone);

	if (problem != nullptr)
		throw Fault(sqlstate::invalid_parameter_value, "phone number is not in E.164 format",
		            problem,
		            "Write the number with + and the country code and no spaces, for example "
		            "+34612345678.");
}

std::string_view
digits(std::string_view phone) noexcept
{
	if (!phone.empty() && phone.front() == '+')
		phone.remove_prefix(1);
	return phone;
}

} // namespace whatsapp
