/*
 * verdict.hpp — the six things that an answer of the API can mean for the request that asked.
 */
#pragma once

namespace whatsapp
{

enum class Verdict : unsigned char {
	accepted, /* 2xx with a wamid: SENT */
	retry,    /* transient: the same request may be tried again after a pause */
	throttle, /* a limit was reached: wait longer; it does not count against max_attempts */
	refused,  /* final for this message: FAILED */
	account,  /* token, permission, payment, lock: the sender pauses, the message keeps its attempts
	           */
	unknown,  /* nobody can tell yet: only a status webhook or the policy decides */
};

/* The word for whatsapp_attempts and wa_explain(). */
const char *verdict_name(Verdict verdict) noexcept;

} // namespace whatsapp
