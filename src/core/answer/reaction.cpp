/*
 * reaction.cpp — one function for the message, one for the platform and its number.
 */
#include "core/answer/reaction.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "core/answer/retry.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr long long pair_limit_code = 131056;
constexpr long long throughput_code = 130429;

/* As the platform's documentation asks: 1, 4, 16, … seconds after the first, second, third, …
 * attempt to the same recipient. */
constexpr int max_pair_doublings = 10;

std::int64_t
pair_delay_ms(int attempt) noexcept
{
	return std::int64_t{1000} << std::clamp(2 * (attempt - 1), 0, max_pair_doublings);
}

bool
has_code(const Outcome &outcome, long long code) noexcept
{
	return outcome.has_code && outcome.code == code;
}

/* Whether the platform asks for a pause that is not about this message alone: of all that this
 * number sends (throughput), or of everybody (a Retry-After without an error code). */
bool
asks_for_silence(const Outcome &outcome) noexcept
{
	return outcome.retry_after_ms > 0 && (has_code(outcome, throughput_code) ||
	                                      (outcome.verdict == Verdict::retry && !outcome.has_code));
}

void
react_with_message(const Outcome &outcome, const AttemptFacts &attempt, Reaction &reaction) noexcept
{
	const std::int64_t asked_ms = outcome.retry_after_ms;
	reaction.delay_ms = retry_delay_ms(RetryPolicy(), attempt.number, attempt.random01);
	switch (outcome.verdict) {
	case Verdict::accepted:
		reaction.step = NextStep::record_sent;
		break;
	case Verdict::refused:
		reaction.step = NextStep::record_failed;
		break;
	case Verdict::unknown:
		reaction.step = NextStep::await_status;
		break;
	case Verdict::account:
		reaction.step = NextStep::pause_sender;
		reaction.delay_ms = std::max(asked_ms, first_pause_ms);
		break;
	case Verdict::throttle:
		/* a limit is nobody's failure: the message waits as long as it lives */
		reaction.step = NextStep::retry_later;
		if (asked_ms >= 0)
			reaction.delay_ms = std::max(asked_ms, min_throttle_ms);
		else if (reaction.is_pair_limit)
			reaction.delay_ms = pair_delay_ms(attempt.number);
		break;
	case Verdict::retry:
		/* an error code speaks of this message and is counted; a dead network or gateway does not
		 * and is not */
		reaction.step = outcome.has_code && attempt.number >= attempt.max_attempts
		                    ? NextStep::record_failed
		                    : NextStep::retry_later;
		reaction.delay_ms = std::max(reaction.delay_ms, asked_ms);
		reaction.uses_retry_budget = true;
		break;
	}
}

void
react_with_platform(const Outcome &outcome, const Usage &usage, Reaction &reaction) noexcept
{
	reaction.platform_answered =
	    outcome.from_platform && (outcome.has_code || outcome.verdict != Verdict::retry);
	reaction.slows_number =
	    has_code(outcome, throughput_code) || usage.percent >= slow_down_percent;
	reaction.number_rest_ms = usage.regain_ms;
	if (!asks_for_silence(outcome))
		return;
	if (outcome.retry_after_ms > max_silent_rest_ms) {
		reaction.step = NextStep::pause_sender;
		reaction.delay_ms = outcome.retry_after_ms;
		reaction.uses_retry_budget = false;
	} else if (outcome.has_code) {
		reaction.number_rest_ms = std::max(reaction.number_rest_ms, outcome.retry_after_ms);
	} else {
		reaction.platform_rest_ms = outcome.retry_after_ms;
	}
}

} // namespace

Reaction
choose_reaction(const Outcome &outcome, const Usage &usage, const AttemptFacts &attempt) noexcept
{
	Reaction reaction;
	reaction.is_pair_limit = has_code(outcome, pair_limit_code);
	react_with_message(outcome, attempt, reaction);
	react_with_platform(outcome, usage, reaction);
	return reaction;
}

Outcome
refuse_unsent(Obstacle obstacle)
{
	Outcome outcome;
	outcome.verdict = Verdict::refused;
	switch (obstacle) {
	case Obstacle::deleted:
		outcome.message = "message was deleted";
		break;
	case Obstacle::expired:
		outcome.message = "expired: the message was not sent within its time";
		outcome.hint =
		    "See whatsapp.default_ttl, and whatsapp_attempts for what kept it from leaving.";
		break;
	case Obstacle::opted_out:
		outcome.message = "recipient has opted out";
		outcome.hint =
		    "Once the recipient has agreed to messages again, call wa_opt_in(), then wa_retry().";
		break;
	case Obstacle::not_allowed:
		outcome.message = "the recipient is not in whatsapp.allowed_recipients";
		outcome.hint = "This server sends to those alone, as a test server should. Change the "
		               "setting, then call wa_retry().";
		break;
	case Obstacle::window_closed:
		outcome.message = "the 24-hour window of the recipient is closed";
		outcome.hint =
		    "Send a template: other messages may be sent for 24 hours after the recipient "
		    "has written to this sender. If webhooks about inbound messages do not reach "
		    "this database, turn whatsapp.check_windows off.";
		break;
	case Obstacle::malformed:
		outcome.message = "the payload of the message is not a JSON object";
		outcome.hint = "It was changed in whatsapp_messages: enqueue the message again.";
		break;
	case Obstacle::too_large:
		outcome.message = "the message is too large: payload or recipient_phone is above its limit";
		outcome.hint = "It was changed in whatsapp_messages: enqueue the message again.";
		break;
	case Obstacle::without_recipient:
		outcome.message = "the message has no recipient";
		outcome.hint = "It was changed in whatsapp_messages: enqueue the message again.";
		break;
	}
	return outcome;
}

namespace
{

/* short enough to stand in a string without memory of its own */
constexpr char no_memory[] = "out of memory";
static_assert(sizeof no_memory <= 15);

} // namespace

Outcome
put_off_unsent() noexcept
{
	Outcome outcome;
	outcome.verdict = Verdict::retry;
	outcome.message = no_memory;
	return outcome;
}

Outcome
doubt_unread(long http_status) noexcept
{
	Outcome outcome;
	outcome.verdict = Verdict::unknown;
	outcome.http_status = http_status;
	outcome.message = no_memory;
	return outcome;
}

Outcome
pause_unsent(std::string reason, std::string hint)
{
	Outcome outcome;
	outcome.verdict = Verdict::account;
	outcome.message = std::move(reason);
	outcome.hint = std::move(hint);
	return outcome;
}

} // namespace whatsapp
