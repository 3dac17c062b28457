/*
 * line_answers.cpp — what requests and their answers do to a message's number, platform and order.
 */
#include "entry/sender/line.hpp"

#include <algorithm>
#include <cstdint>

#include "entry/sender/line_state.hpp"
#include "pg/server/clock.hpp"

namespace whatsapp::entry
{

namespace
{

Ended
end_kind(const Reaction &reaction) noexcept
{
	switch (reaction.step) {
	case NextStep::retry_later:
		return reaction.is_pair_limit ? Ended::pair_limit : Ended::again;
	case NextStep::pause_sender:
		return Ended::put_back;
	default:
		return Ended::settled;
	}
}

} // namespace

void
Line::count_departure(std::int64_t id, std::int64_t now_ms) noexcept
try {
	const auto found = state_->out.find(id);
	if (found == state_->out.end())
		return;
	state_->lineup.pacer_of(*found->second.sender)->count_messages(1, now_ms);
	if (Breaker *breaker = state_->breaker_of(id))
		breaker->count_request();
} catch (...) {
	/* no memory: one message that is not counted */
}

void
Line::correct_departure(std::int64_t id, std::int64_t started_ms, std::int64_t left_ms) noexcept
try {
	const auto found = state_->out.find(id);
	if (found != state_->out.end())
		state_->lineup.pacer_of(*found->second.sender)->correct_departure(started_ms, left_ms);
} catch (...) {
	/* no memory: it is counted when it was started */
}

std::int64_t
Line::follow_reaction(std::int64_t id, std::int64_t started_ms, const Reaction &reaction) noexcept
try {
	const auto found = state_->out.find(id);
	Breaker *breaker = state_->breaker_of(id);
	if (breaker == nullptr)
		return reaction.delay_ms;
	const std::int64_t now = pg::monotonic_ms();
	if (reaction.platform_answered)
		breaker->count_answer(started_ms);
	else
		breaker->count_failure(started_ms, now);
	if (reaction.platform_rest_ms > 0)
		breaker->rest_until(now + reaction.platform_rest_ms);

	Pacer &pacer = *state_->lineup.pacer_of(*found->second.sender);
	if (reaction.slows_number)
		pacer.lower_rate(now);
	if (reaction.number_rest_ms > 0)
		pacer.rest_until(now + reaction.number_rest_ms);
	return reaction.uses_retry_budget ? breaker->retry_delay_ms(reaction.delay_ms, now)
	                                  : reaction.delay_ms;
} catch (...) {
	return reaction.delay_ms; /* no memory: one answer that the breaker does not hear of */
}

void
Line::end_message(std::int64_t id, const Reaction &reaction) noexcept
try {
	const auto found = state_->out.find(id);
	if (found == state_->out.end())
		return;
	const Chosen one = found->second;
	state_->out.erase(found);
	state_->lineup.end_message(one, end_kind(reaction), reaction.delay_ms, pg::monotonic_ms());
} catch (...) {
	state_->lineup.restart_reading();
}

void
Line::end_rests() noexcept
{
	state_->platforms.end_rests();
	for (const auto &route : state_->routes)
		if (Pacer *pacer = state_->lineup.pacer_of(route.first))
			pacer->end_rest();
}

} // namespace whatsapp::entry
