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

/* SQLSTATEs of ours, and the standard ones that core/ raises. The comment above each is printed by
 * docs/reference/sqlstates.md: a sentence that says what it is raised for. */
namespace sqlstate
{
/* NULL for an argument that must be there. */
inline constexpr char null_value_not_allowed[] = "22004";
/* A phone number that is not E.164, or text that is not UTF-8. */
inline constexpr char invalid_parameter_value[] = "22023";
/* A text that is longer than its limit; the DETAIL names both. docs/sending.md lists the limits. */
inline constexpr char text_too_long[] = "22001";
/* A stored payload or a delivery that is no JSON object: the sender or the listener meets it. */
inline constexpr char invalid_json[] = "22032";
/* Template name: not a-z, 0-9, _, or empty, or over 512 characters. */
inline constexpr char invalid_template_name[] = "WA001";
/* Language code: not like es or en_US. */
inline constexpr char invalid_language[] = "WA002";
/* A parameter that is empty or white space only. */
inline constexpr char empty_parameter[] = "WA003";
/* A parameter with a newline, a tab, a control character or more than four spaces in a row. */
inline constexpr char forbidden_whitespace[] = "WA004";
/* Number or names of the parameters do not fit the template body, or there are more than 100. */
inline constexpr char parameter_mismatch[] = "WA005";
/* Amount: NaN, infinite, or too many digits. */
inline constexpr char invalid_amount[] = "WA006";
/* Currency: not an ISO 4217 code. */
inline constexpr char invalid_currency[] = "WA007";
/* Locale: unknown. */
inline constexpr char invalid_locale[] = "WA008";
/* wa_webhook_verify(): the mode is not subscribe, or the token is no account's. Answer 403. */
inline constexpr char verification_failed[] = "WA010";
/* wa_webhook_receive(): this cannot be a signature. Answer 401. */
inline constexpr char signature_malformed[] = "WA011";
/* The recipient has opted out, see wa_opt_out() and whatsapp.check_opt_outs. */
inline constexpr char recipient_opted_out[] = "WA012";
/* The template is known not to be approved: PAUSED, REJECTED, DISABLED and the like; see
 * whatsapp.check_templates. */
inline constexpr char template_not_approved[] = "WA013";
/* The content of a message lacks what its type requires, or has what the platform refuses: the
 * message names the member and the limit. */
inline constexpr char invalid_content[] = "WA014";
/* The idempotency key was used by the same role and sender for another message: other phone,
 * template or content. */
inline constexpr char key_reused[] = "WA015";
/* A template's definition breaks a rule of Meta's; the message names it, wa_template_check() shows
 * all of them. */
inline constexpr char definition_refused[] = "WA016";
/* Changes of a status that were asked for are not kept any more, or never were: whoever follows
 * them has to read whatsapp_messages anew. */
inline constexpr char changes_lost[] = "WA017";
/* A procedure waited for a request to Meta's API, which failed: the message says why. */
inline constexpr char request_failed[] = "WA030";
/* A procedure waited for a request to Meta's API, and its time is over; the request goes on. */
inline constexpr char request_timed_out[] = "WA031";
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
