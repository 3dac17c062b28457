/*
 * outcome.hpp — what an answer of the API means for the row that asked: the one table of error
 * codes.
 *
 * Decided by error.code alone (with error_subcode and details kept for people; 100/33 is the one
 * exception), never by HTTP status or message text, which are localised and change. Pure: no clock,
 * no server, no logging.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp
{

/* What the wire knows of a request that has ended. */
enum class Transport : unsigned char {
	answered, /* an HTTP status line and body were read */
	not_sent, /* DNS, connect, TLS: no byte of the request left; a plain retry is safe */
	unknown,  /* bytes left and no answer came: it may have been accepted */
};

struct Answer {
	Transport transport = Transport::unknown;
	long http_status = 0;
	std::string_view body;            /* raw bytes: may be HTML, empty, cut or not UTF-8 */
	std::string_view retry_after;     /* the header's value, empty when absent */
	std::string_view usage;           /* x-business-use-case-usage, likewise */
	std::string_view transport_error; /* curl's words for not_sent and unknown */
};

enum class Verdict : unsigned char {
	accepted, /* 2xx with a wamid: SENT */
	retry,    /* transient: the same request may be tried again after a pause */
	throttle, /* a limit of the number or the pair: wait longer, attempts are not at fault */
	refused,  /* final for this message: FAILED */
	account,  /* token, permission, payment, lock: the sender pauses, the message keeps its attempts
	           */
	unknown,  /* nobody can tell yet: only a status webhook or the policy decides */
};

const char *verdict_name(Verdict verdict) noexcept;

struct Outcome {
	Verdict verdict = Verdict::unknown;
	std::string wamid;          /* accepted */
	std::string wa_id;          /* contacts[0].wa_id, may be empty */
	std::string user_id;        /* contacts[0].user_id, may be empty */
	std::string message_status; /* accepted, held_for_quality_assessment, paused, or empty */
	long http_status = 0;
	long long code = 0; /* error.code; 0 with has_code false means that there was none */
	bool has_code = false;
	std::string message; /* one line for error_message: title and details as Meta sent them, or what
	                        the wire said; UTF-8 */
	std::string hint;    /* what to do about it, in plain words; may be empty for accepted */
	std::string details; /* all that Meta said, as valid JSON (the error object; {"raw":"…"} for
	                        what is no JSON); empty if nothing */
	std::int64_t retry_after_ms =
	    -1; /* from Retry-After or the code's own wait; -1 when nobody said */
};

/* Never throws but std::bad_alloc. A 2xx without a wamid is unknown: something took the request. */
Outcome judge(const Answer &answer);

/* What a code means, for people: wa_explain(code) shows it. Static strings. */
struct Explanation {
	long long code;
	Verdict verdict;
	const char *meaning; /* plain words */
	const char *hint;    /* what to do */
};

/* The row for a code (ranges such as 200-299 resolved), or NULL for one that is not in the table.
 */
const Explanation *explain(long long code) noexcept;

/* The whole table, ordered by code. */
const Explanation *explanations(std::size_t &count) noexcept;

/* The same kind of record for an errors[] element of a status webhook; json is the array or the
 * element as text. */
Outcome judge_failed_status(std::string_view errors_json);

} // namespace whatsapp
