/*
 * request_reaction.cpp — the rule above all others: when a request may have been carried out and
 * cannot be repeated, a look finds out what became of it.
 */
#include "core/request/request_reaction.hpp"

#include <algorithm>

#include "core/answer/retry.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::int64_t first_look_ms = 2000;
constexpr std::int64_t first_account_rest_ms = 30000;
/* errors of the network are no fault of the request: with the usual delays these are about half a
 * day */
constexpr int max_codeless_attempts = 100;

std::int64_t
look_delay_ms(int looks) noexcept
{
	return first_look_ms << (2 * std::clamp(looks, 0, max_looks));
}

std::int64_t
growing_ms(std::int64_t first_ms, int times) noexcept
{
	return std::min(first_ms << std::clamp(times, 0, 10), max_retry_after_ms);
}

RequestReaction
ask_again(const Outcome &outcome, const RequestFacts &facts) noexcept
{
	const int most =
	    outcome.has_code ? facts.max_attempts : std::max(facts.max_attempts, max_codeless_attempts);
	RequestReaction reaction;
	reaction.step = facts.attempts >= most ? RequestStep::fail : RequestStep::ask_again;
	reaction.delay_ms = std::max(retry_delay_ms(RetryPolicy(), facts.attempts, facts.random01),
	                             outcome.retry_after_ms);
	return reaction;
}

RequestReaction
look_later(const RequestFacts &facts) noexcept
{
	RequestReaction reaction;
	reaction.step = RequestStep::look;
	reaction.delay_ms = look_delay_ms(facts.is_look ? facts.looks : 0);
	return reaction;
}

RequestReaction
react_to_limit(const Outcome &outcome, const Usage &usage, const RequestFacts &facts) noexcept
{
	RequestReaction reaction;
	const std::int64_t asked_ms = std::max(outcome.retry_after_ms, usage.regain_ms);
	reaction.step = facts.is_look ? RequestStep::look : RequestStep::put_back;
	reaction.delay_ms = asked_ms > 0 ? asked_ms : growing_ms(first_throttle_ms, facts.throttles);
	reaction.rest_ms = reaction.delay_ms;
	return reaction;
}

RequestReaction
react_to_account(const RequestKind &kind, const RequestFacts &facts) noexcept
{
	RequestReaction reaction;
	if (facts.is_look)
		return react_to_blank_look(kind, facts);
	if (!kind.waits_for_account)
		return reaction;
	reaction.step = RequestStep::put_back;
	reaction.delay_ms = growing_ms(first_account_rest_ms, facts.throttles);
	reaction.rest_ms = reaction.delay_ms;
	return reaction;
}

RequestReaction
react_to_verdict(const RequestKind &kind, const Outcome &outcome, const Usage &usage,
                 const RequestFacts &facts) noexcept
{
	RequestReaction reaction;
	switch (outcome.verdict) {
	case Verdict::accepted:
		reaction.step = RequestStep::read_answer;
		return reaction;
	case Verdict::throttle:
		return react_to_limit(outcome, usage, facts);
	case Verdict::account:
		return react_to_account(kind, facts);
	case Verdict::refused:
		return facts.is_look ? react_to_blank_look(kind, facts) : reaction;
	case Verdict::retry:
	case Verdict::unknown:
		break;
	}
	if (facts.is_look)
		return react_to_blank_look(kind, facts);
	/* no status: the client did not get as far as to send */
	const bool certainly_not_done = outcome.verdict == Verdict::retry && outcome.http_status == 0;
	return kind.repeatable || certainly_not_done ? ask_again(outcome, facts) : look_later(facts);
}

} // namespace

RequestReaction
choose_request_reaction(const RequestKind &kind, const Outcome &outcome, const Usage &usage,
                        const RequestFacts &facts) noexcept
{
	RequestReaction reaction = react_to_verdict(kind, outcome, usage, facts);
	reaction.platform_answered =
	    outcome.from_platform && (outcome.has_code || outcome.verdict != Verdict::retry);
	reaction.rest_ms = std::max(reaction.rest_ms, usage.regain_ms);
	if (usage.percent >= slow_down_percent)
		reaction.rest_ms = std::max(reaction.rest_ms, slow_down_ms);
	return reaction;
}

RequestReaction
react_to_blank_look(const RequestKind &kind, const RequestFacts &facts) noexcept
{
	if (facts.looks < max_looks)
		return look_later(facts);
	RequestReaction reaction;
	if (kind.asked_again_if_not_done && facts.attempts < facts.max_attempts)
		reaction.step = RequestStep::ask_again;
	return reaction;
}

RequestReaction
react_to_unreadable(const RequestKind &kind, const RequestFacts &facts) noexcept
{
	if (facts.is_look)
		return react_to_blank_look(kind, facts);
	Outcome counted;
	counted.has_code = true;
	return kind.repeatable ? ask_again(counted, facts) : look_later(facts);
}

} // namespace whatsapp
