/*
 * fault.hpp — the one exception type of core/: a SQLSTATE and the three texts of a PostgreSQL
 * error.
 *
 * Texts follow the PostgreSQL message style guide (primary message in lower case without a period,
 * detail and hint as sentences) and never hold a token, a message body or a whole phone number.
 */
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace whatsapp
{

/* SQLSTATEs of ours, and the standard ones that core/ raises. README.md prints the same table. */
namespace sqlstate
{
inline constexpr char null_value_not_allowed[] = "22004";
inline constexpr char invalid_parameter_value[] = "22023";
inline constexpr char text_too_long[] = "22001";
inline constexpr char invalid_json[] = "22032";
inline constexpr char invalid_template_name[] = "WA001";
inline constexpr char invalid_language[] = "WA002";
inline constexpr char empty_parameter[] = "WA003";
inline constexpr char forbidden_whitespace[] = "WA004";
inline constexpr char parameter_mismatch[] = "WA005";
inline constexpr char invalid_amount[] = "WA006";
inline constexpr char invalid_currency[] = "WA007";
inline constexpr char invalid_locale[] = "WA008";
inline constexpr char verification_failed[] = "WA010";
inline constexpr char signature_malformed[] = "WA011";
inline constexpr char recipient_opted_out[] = "WA012";
inline constexpr char template_not_approved[] = "WA013";
} // namespace sqlstate

class Fault final : public std::exception
{
public:
	/* sqlstate: five characters, one of the constants above. */
	Fault(const char *sqlstate, std::string message, std::string detail = {}, std::string hint = {})
	    : sqlstate_(sqlstate), message_(std::move(message)), detail_(std::move(detail)),
	      hint_(std::move(hint))
	{
	}

	const char *
	sqlstate() const noexcept
	{
		return sqlstate_;
	}
	const std::string &
	message() const noexcept
	{
		return message_;
	}
	const std::string &
	detail() const noexcept
	{
		return detail_;
	}
	const std::string &
	hint() const noexcept
	{
		return hint_;
	}
	const char *
	what() const noexcept override
	{
		return message_.c_str();
	}

private:
	const char *sqlstate_;
	std::string message_;
	std::string detail_;
	std::string hint_;
};

} // namespace whatsapp
