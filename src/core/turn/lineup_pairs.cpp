/*
 * lineup_pairs.cpp — the schedule of a sender and a recipient, whom the platform limits.
 */
#include "core/turn/lineup.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

/* The pair's next turn, not before at_ms, reserved for a message that has none yet. */
std::int64_t
Lineup::turn_time(const SenderRules &rules, const WaitingMessage &message, std::int64_t at_ms,
                  std::int64_t now_ms)
{
	const auto found = pairs_.find(message.pair);
	if (found != pairs_.end())
		at_ms = std::max(at_ms, found->second.not_before_ms);
	if (rules.pair_interval_ms <= 0)
		return at_ms;

	Pair &pair = found != pairs_.end() ? found->second : pairs_[message.pair];
	/* what the last life of this process sent is not known: the burst grows from none */
	const std::int64_t tolerance =
	    std::min((rules.pair_burst - 1) * rules.pair_interval_ms, now_ms - started_ms_);
	at_ms = std::max(at_ms, pair.left_ms - tolerance);
	if (!message.paced) {
		pairs_before_.push_back({message.pair, pair.theoretical_ms, pair.left_ms});
		at_ms = std::max(at_ms, pair.theoretical_ms - tolerance);
		pair.theoretical_ms = std::max(pair.theoretical_ms, at_ms) + rules.pair_interval_ms;
	}
	return at_ms;
}

/* Its turn, unless it was given one before, is what turn_time() has just reserved. */
void
Lineup::charge_pair(Chosen &chosen, bool paced, std::int64_t interval_ms, std::int64_t now_ms)
{
	Pair &pair = pairs_[chosen.pair_ticket];
	pairs_before_.push_back({chosen.pair_ticket, pair.theoretical_ms, pair.left_ms});
	pair.left_ms = std::max(pair.left_ms, now_ms) + interval_ms;
	chosen.charge_ms = interval_ms;
	chosen.turns_until_ms = paced ? 0 : pair.theoretical_ms;
	chosen.left_until_ms = pair.left_ms;
}

/* What was not sent owes nothing. Where another turn or departure was taken after it, the schedule
 * stays as it is: how much of it was the wait for this one is not known. */
void
Lineup::give_back_turn(const Chosen &chosen) noexcept
{
	const auto pair = pairs_.find(chosen.pair_ticket);
	if (chosen.turns_until_ms != 0 && pair != pairs_.end() &&
	    pair->second.theoretical_ms == chosen.turns_until_ms)
		pair->second.theoretical_ms -= chosen.charge_ms;
}

void
Lineup::give_back_departure(const Chosen &chosen) noexcept
{
	const auto pair = pairs_.find(chosen.pair_ticket);
	if (pair != pairs_.end() && pair->second.left_ms == chosen.left_until_ms)
		pair->second.left_ms -= chosen.charge_ms;
}

void
Lineup::confirm_choice() noexcept
{
	orders_before_.clear();
	pairs_before_.clear();
}

void
Lineup::undo_choice() noexcept
{
	for (auto before = orders_before_.rbegin(); before != orders_before_.rend(); ++before) {
		const auto order = orders_.find(before->ticket);
		if (order == orders_.end())
			continue;
		order->second.back = before->back;
		order->second.back_until_ms = before->back_until_ms;
		order->second.full_ms = before->full_ms;
	}
	for (auto before = pairs_before_.rbegin(); before != pairs_before_.rend(); ++before) {
		const auto pair = pairs_.find(before->ticket);
		if (pair == pairs_.end())
			continue;
		pair->second.theoretical_ms = before->theoretical_ms;
		pair->second.left_ms = before->left_ms;
	}
	confirm_choice();
	restart_reading();
}

void
Lineup::forget_idle_pairs(std::int64_t now_ms)
{
	for (auto pair = pairs_.begin(); pair != pairs_.end();)
		pair = pair->second.theoretical_ms <= now_ms && pair->second.left_ms <= now_ms &&
		               pair->second.not_before_ms <= now_ms
		           ? pairs_.erase(pair)
		           : std::next(pair);
	for (auto order = orders_.begin(); order != orders_.end();)
		order = !order->second.busy && order->second.behind.empty() &&
		                order->second.back_until_ms <= now_ms && !awaits_retry(order->second) &&
		                !awaits_deferred(order->second)
		            ? orders_.erase(order)
		            : std::next(order);
}

} // namespace whatsapp
