/*
 * reaction.hpp — what is to be done after an answer: with the message, with the number that sent it
 * and with the platform that was asked.
 *
 * Pure: no clock, no server; the random number comes from outside. For a message whose outcome
 * nobody knows there is nothing to decide here: whatsapp.unknown_policy does, when its grace is
 * over.
 */
#pragma once

#include "core/answer/outcome.hpp"
#include "core/answer/usage.hpp"

#include <cstdint>

namespace whatsapp
{

/* What becomes of the message. */
enum class NextStep : unsigned char {
	record_sent,
	retry_later,   /* after delay_ms */
	record_failed, /* for good */
	pause_sender,  /* for delay_ms; the message gets its attempt back */
	await_status,  /* unknown until a status webhook or the policy says more */
};

struct Reaction {
	NextStep step = NextStep::await_status;
	std::int64_t delay_ms = 0;
	bool is_pair_limit = false;     /* the others to this recipient wait as long */
	bool uses_retry_budget = false; /* the platform's breaker may lengthen delay_ms */

	/* For the breaker of the platform: whether it answered at all, and how long nothing more is to
	 * be sent there. */
	bool platform_answered = false;
	std::int64_t platform_rest_ms = 0;

	/* For the pacer of the number. */
	bool slows_number = false;
	std::int64_t number_rest_ms = 0;
};

/* Of the attempt that has ended; random01 in [0,1). */
struct AttemptFacts {
	int number = 1; /* 1 for the first */
	int max_attempts = 1;
	double random01 = 0;
};

Reaction choose_reaction(const Outcome &outcome, const Usage &usage,
                         const AttemptFacts &attempt) noexcept;

/* A wait of more than this that the platform asks for is a pause of the sender, which can be seen
 * in whatsapp_senders and ended by wa_resume() or a reload. A shorter one needs no row. */
inline constexpr std::int64_t max_silent_rest_ms = 60000;
inline constexpr std::int64_t first_pause_ms = 30000;
/* a Retry-After of 0 must not make a hot loop */
inline constexpr std::int64_t min_throttle_ms = 1000;

/* Why a message that was claimed does not leave. */
enum class Obstacle : unsigned char {
	deleted,
	expired,
	opted_out,
	not_allowed,
	window_closed,
	malformed,
	too_large,
	without_recipient
};

Outcome refuse_unsent(Obstacle obstacle);

/* put_off_unsent(): there was no memory to make the request. doubt_unread(): there was none to read
 * its answer. Neither of them allocates. */
Outcome put_off_unsent() noexcept;
Outcome doubt_unread(long http_status) noexcept;

/* The sender cannot send anything at present, for a reason of our own: it pauses. */
Outcome pause_unsent(std::string reason, std::string hint);

} // namespace whatsapp
