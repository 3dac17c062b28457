/*
 * outcome.hpp — from an answer's bytes to a verdict, with words for a person.
 *
 * The error's code decides (under 100 its subcode, too), never the message's text, which is
 * localised and changes. The HTTP status decides only where there is no code, or one that is not in
 * the table. Pure: no clock, no server, no logging.
 */
#pragma once

#include "core/answer/answer.hpp"
#include "core/answer/verdict.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp
{

struct Outcome {
	Verdict verdict = Verdict::unknown;
	/* The answer has the shape of the platform's own: a message id, or an error object. A proxy's
	 * page has neither. */
	bool from_platform = false;
	std::string wamid;          /* accepted */
	std::string wa_id;          /* contacts[0].wa_id, may be empty */
	std::string user_id;        /* contacts[0].user_id, may be empty */
	std::string message_status; /* accepted, held_for_quality_assessment, paused, or empty */
	long http_status = 0;
	long long code = 0; /* error.code; 0 with has_code false means that there was none */
	bool has_code = false;
	std::string message; /* one line for error_message: title and details as Meta sent them, or what
	                        the HTTP client said; UTF-8 */
	std::string hint;    /* what to do about it, in plain words; may be empty for accepted */
	std::string details; /* all that Meta said, as valid JSON (the error object; {"raw":"…"} for
	                        what is no JSON); empty if nothing */
	std::int64_t retry_after_ms =
	    -1; /* from Retry-After or the code's own wait; -1 when nobody said */
};

/* What Retry-After can ask for at most: a gateway's mistake must not silence anybody for days. */
inline constexpr std::int64_t max_retry_after_ms = std::int64_t{15} * 60 * 1000;

/* Never throws but std::bad_alloc. A 2xx without a wamid is unknown: something took the request. */
Outcome judge_answer(const Answer &answer);

/* The same kind of record for an errors[] element of a status webhook; json is the array or the
 * element as text. */
Outcome judge_failed_status(std::string_view errors_json);

} // namespace whatsapp
