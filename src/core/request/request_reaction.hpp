/*
 * request_reaction.hpp — what is to be done after the answer to a request that is no message. Pure:
 * the random number comes from outside.
 */
#pragma once

#include "core/answer/outcome.hpp"
#include "core/answer/usage.hpp"
#include "core/request/request_kind.hpp"

#include <cstdint>

namespace whatsapp
{

enum class RequestStep : unsigned char {
	read_answer, /* accepted: the kind reads what it says */
	ask_again,   /* after delay_ms; the attempt counts */
	put_back,    /* after delay_ms; the attempt is given back */
	look,        /* nobody knows: after delay_ms it is looked what became of it */
	fail,
};

struct RequestReaction {
	RequestStep step = RequestStep::fail;
	std::int64_t delay_ms = 0;
	/* For how long nothing more is asked with this account's token. */
	std::int64_t rest_ms = 0;
	/* For the breaker of the platform. */
	bool platform_answered = false;
};

struct RequestFacts {
	bool is_look = false;
	int attempts = 1; /* with this one */
	int looks = 0;    /* likewise */
	int max_attempts = 1;
	int throttles = 0; /* of the account in a row, before this answer */
	double random01 = 0;
};

RequestReaction choose_request_reaction(const RequestKind &kind, const Outcome &outcome,
                                        const Usage &usage, const RequestFacts &facts) noexcept;

/* A look showed nothing, or got no usable answer: look again, ask again, or give up. */
RequestReaction react_to_blank_look(const RequestKind &kind, const RequestFacts &facts) noexcept;

/* The request was carried out, but its answer cannot be read. */
RequestReaction react_to_unreadable(const RequestKind &kind, const RequestFacts &facts) noexcept;

/* How many looks are made before the request is given up. Before them pass 2, 8, 32 and 128 s,
 * since Meta does not always show at once what was done last. */
inline constexpr int max_looks = 4;

/* The first wait after a limit of Meta's that names no time. */
inline constexpr std::int64_t first_throttle_ms = 60000;
/* The rest between two calls when more than slow_down_percent of the account's budget is used. */
inline constexpr std::int64_t slow_down_ms = 2000;

} // namespace whatsapp
