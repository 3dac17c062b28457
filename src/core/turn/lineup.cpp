/*
 * lineup.cpp — who leaves next: by the sender's turn, the priority, the recipient and the pair's
 * limit.
 */
#include "core/turn/lineup.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* With more than these behind one recipient, the rest waits in the queue. */
constexpr std::size_t most_behind = 1024;
constexpr std::int64_t newcomer_ms = 20;
constexpr std::int64_t first_full_ms = 2000;
constexpr std::int64_t last_full_ms = 60000;
/* the clocks of the server and of this process may differ: what waits behind a retry is due later
 * than it by either */
constexpr std::int64_t behind_retry_ms = 1000;
/* a commit's worth; the rest has its turn in the next one */
constexpr std::size_t most_deferred = 2000;
} // namespace

void
Lineup::begin_rules()
{
	for (auto &entry : senders_)
		entry.second.named = false;
}

void
Lineup::set_rules(const std::string &name, const SenderRules &rules)
{
	Sender &sender = senders_.try_emplace(name, started_ms_).first->second;
	sender.named = true;
	sender.rules = rules;
	sender.pacer.set_rate(rules.per_second);
	if (rules.gate == Gate::shut)
		shut_sender(sender);
}

void
Lineup::end_rules()
{
	for (auto &entry : senders_) {
		if (entry.second.named)
			continue;
		entry.second.rules.gate = Gate::shut;
		shut_sender(entry.second);
	}
	for (auto &entry : groups_)
		entry.second.named = false;
	for (auto &entry : senders_)
		if (entry.second.rules.gate != Gate::shut)
			groups_[entry.second.rules.group].named = true;
}

void
Lineup::set_group_gate(int group, Gate gate)
{
	groups_[group].gate = gate;
}

/* A platform that takes requests and does not answer must not end up with all of the slots: the
 * others are to go on. */
int
Lineup::share_of_group() const
{
	int groups = 0;
	for (const auto &entry : groups_)
		groups += static_cast<int>(entry.second.named && entry.second.gate != Gate::shut);
	return groups < 2 ? slots_ : std::max(1, slots_ / groups);
}

int
Lineup::sender_budget(Sender &sender, int room, std::int64_t now_ms)
{
	const Group &group = groups_[sender.rules.group];
	if (sender.rules.gate == Gate::shut || group.gate == Gate::shut)
		return 0;
	/* What was on the wire before the trouble began is no probe: it may hang until its time is
	 * over, and would tell nothing about now. */
	if (sender.rules.gate == Gate::probe)
		room = std::min(room, 1 - std::min(sender.probes, 1));
	if (group.gate == Gate::probe)
		room = std::min(room, 1 - std::min(group.probes, 1));
	else if (groups_.size() > 1)
		room = std::min(room, std::max(0, share_of_group() - group.in_flight));
	return sender.pacer.allowance(room, now_ms);
}

/* The others wait until the message that is tried again has been read again, however long a backlog
 * or a shut gate puts that off. When the queue was read to its end after it was due, and it was not
 * there (wa_cancel()), they wait no longer. */
bool
Lineup::awaits_retry(const Order &order) noexcept
{
	return order.retried_id != 0 &&
	       order.lane->read_out_ms < order.retry_due_ms + 2 * behind_retry_ms;
}

/* Newcomers stay behind the messages that went back to the queue, until these have been read again,
 * or the queue was read to its end without them: somebody has cancelled them. */
bool
Lineup::awaits_deferred(const Order &order) noexcept
{
	return order.back > 0 && order.lane->read_out_ms < order.back_until_ms + behind_retry_ms;
}

/* 0: the message may leave, or wait in memory behind the one in flight. Else for how long it goes
 * back to the queue. Once one had to go back, those after it have to, too, so that they keep their
 * order. */
std::int64_t
Lineup::waiting_time(const SenderRules &rules, Order &order, const WaitingMessage &message,
                     std::int64_t now_ms)
{
	if (!awaits_deferred(order))
		order.back = 0;
	else if (message.paced)
		order.back--;
	if (order.retried_id == message.id)
		return 0;
	if (!awaits_retry(order))
		order.retried_id = 0;

	std::int64_t at = now_ms;
	if (order.retried_id != 0)
		order.back_until_ms =
		    std::max(order.back_until_ms, std::max(now_ms, order.retry_due_ms) + behind_retry_ms);
	/* a newcomer whose transaction began earlier and committed later: by its due time it would
	 * overtake those that went back */
	else if (order.back > 0 && !message.paced && !message.called)
		at = now_ms + newcomer_ms;
	const bool queued = order.busy || (!order.behind.empty() && !message.called);
	if (queued && at == now_ms && order.back_until_ms <= now_ms) {
		if (order.behind.size() < most_behind)
			return 0;
		order.full_ms = std::clamp(order.full_ms * 2, first_full_ms, last_full_ms);
		order.back_until_ms = now_ms + order.full_ms;
	}
	if (order.retried_id != 0 || !message.called)
		at = std::max(at, order.back_until_ms);
	at = turn_time(rules, message, at, now_ms);
	if (at > now_ms)
		order.back++;
	return at - now_ms;
}

/* Brings the next of the order to the front of the line. */
void
Lineup::call_next_message(Sender &sender, Lane &lane, std::uint64_t ticket)
{
	const auto found = orders_.find(ticket);
	if (found == orders_.end())
		return;
	Order &order = found->second;
	if (!order.behind.empty()) {
		lane.line.push_front(order.behind.front());
		lane.line.front().called = true;
		order.behind.pop_front();
		sender.standing++;
	} else if (!order.busy && order.retried_id == 0 && order.back_until_ms == 0) {
		orders_.erase(found);
	}
}

void
Lineup::put_in_flight(Senders::value_type &entry, int priority, Order &order,
                      const WaitingMessage &message, std::int64_t now_ms,
                      std::vector<Chosen> &chosen)
{
	const SenderRules &rules = entry.second.rules;
	Group &group = groups_[rules.group];
	Chosen one = {message.id,
	              message.address,
	              message.order,
	              message.pair,
	              &entry.first,
	              priority,
	              rules.group,
	              rules.gate == Gate::probe,
	              group.gate == Gate::probe,
	              order.retried_id == message.id,
	              0,
	              0,
	              0};
	/* a retry was charged when it left for the first time */
	if (!one.is_retry && rules.pair_interval_ms > 0)
		charge_pair(one, message.paced, rules.pair_interval_ms, now_ms);
	chosen.push_back(one);
	order.busy = true;
	order.flying_id = message.id;
	order.retried_id = 0;
	entry.second.probes += one.probes_sender ? 1 : 0;
	group.probes += one.probes_group ? 1 : 0;
	group.in_flight++;
	in_flight_++;
}

bool
Lineup::choose_from_lane(Senders::value_type &entry, int priority, std::int64_t now_ms,
                         std::vector<Chosen> &chosen, std::vector<Deferred> &deferred)
{
	Sender &sender = entry.second;
	Lane &lane = sender.lanes[static_cast<std::size_t>(priority)];
	const auto leave_line = [&] {
		lane.line.pop_front();
		sender.standing--;
	};
	while (!lane.line.empty() && deferred.size() < most_deferred) {
		/* it leaves the line only when it has its new place: in between, an allocation may fail */
		const WaitingMessage message = lane.line.front();
		Order &order = orders_[message.order];
		order.lane = &lane;
		orders_before_.push_back({message.order, order.back, order.back_until_ms, order.full_ms});
		const std::int64_t wait = waiting_time(sender.rules, order, message, now_ms);
		if (wait > 0) {
			deferred.push_back({message.id, wait, true});
			known_.erase(message.id);
			leave_line();
			if (!order.busy)
				call_next_message(sender, lane, message.order);
		} else if (order.busy || (!order.behind.empty() && !message.called)) {
			order.behind.push_back(message);
			leave_line();
		} else {
			put_in_flight(entry, priority, order, message, now_ms, chosen);
			known_.erase(message.id);
			leave_line();
			return true;
		}
	}
	return false;
}

bool
Lineup::choose_from_sender(Senders::value_type &entry, std::int64_t now_ms,
                           std::vector<Chosen> &chosen, std::vector<Deferred> &deferred)
{
	for (int priority = 0; priority < priorities; priority++)
		if (choose_from_lane(entry, priority, now_ms, chosen, deferred))
			return true;
	return false;
}

void
Lineup::choose_messages(int room, std::int64_t now_ms, std::vector<Chosen> &chosen,
                        std::vector<Deferred> &deferred)
{
	struct Standing {
		Senders::value_type *entry;
		int budget;
	};
	confirm_choice();
	slots_ = room + in_flight_;
	std::vector<Standing> standing;
	const auto stand = [&](Senders::iterator from, Senders::iterator to) {
		for (; from != to; ++from)
			if (from->second.standing > 0)
				if (const int most = sender_budget(from->second, room, now_ms); most > 0)
					standing.push_back({&*from, most});
	};
	const auto first = senders_.lower_bound(first_);
	stand(first, senders_.end());
	stand(senders_.begin(), first);

	while (room > 0 && !standing.empty()) {
		for (Standing &one : standing) {
			if (room == 0) {
				first_ = one.entry->first;
				return;
			}
			/* another sender may have taken the one place that its group has */
			if (sender_budget(one.entry->second, 1, now_ms) == 0 ||
			    !choose_from_sender(*one.entry, now_ms, chosen, deferred)) {
				one.budget = 0;
				continue;
			}
			one.budget--;
			room--;
		}
		standing.erase(std::remove_if(standing.begin(), standing.end(),
		                              [](const Standing &one) { return one.budget <= 0; }),
		               standing.end());
	}
}

void
Lineup::end_message(const Chosen &chosen, Ended how, std::int64_t delay_ms, std::int64_t now_ms)
{
	Sender &sender = senders_.at(*chosen.sender);
	Lane &lane = sender.lanes[static_cast<std::size_t>(chosen.priority)];
	Order &order = orders_[chosen.order_ticket];
	sender.probes -= chosen.probes_sender ? 1 : 0;
	Group &group = groups_[chosen.group];
	group.probes -= chosen.probes_group ? 1 : 0;
	group.in_flight--;
	in_flight_--;
	order.busy = false;
	const auto let_others_wait = [&](std::int64_t due_ms) {
		order.lane = &lane;
		order.retried_id = chosen.id;
		order.retry_due_ms = due_ms;
	};
	switch (how) {
	case Ended::pair_limit:
	case Ended::again:
		let_others_wait(now_ms + delay_ms);
		if (how == Ended::pair_limit)
			pairs_[chosen.pair_ticket].not_before_ms = now_ms + delay_ms;
		break;
	case Ended::put_back:
		give_back_departure(chosen);
		if (chosen.is_retry)
			let_others_wait(now_ms);
		if (sender.rules.gate == Gate::shut) {
			give_back_turn(chosen);
			break;
		}
		/* it keeps its turn */
		known_.insert(chosen.id);
		lane.line.push_front(
		    {chosen.id, chosen.address, chosen.order_ticket, chosen.pair_ticket, true, true});
		sender.standing++;
		return;
	case Ended::lost:
		give_back_departure(chosen);
		give_back_turn(chosen);
		if (chosen.is_retry)
			let_others_wait(now_ms);
		break;
	case Ended::settled:
		break;
	}
	call_next_message(sender, lane, chosen.order_ticket);
}

bool
Lineup::has_ready_message(std::int64_t now_ms)
{
	return std::any_of(senders_.begin(), senders_.end(), [&](auto &entry) {
		return entry.second.standing > 0 && sender_budget(entry.second, 1, now_ms) > 0;
	});
}

bool
Lineup::has_unread_rows() const noexcept
{
	return std::any_of(senders_.begin(), senders_.end(), [](const auto &entry) {
		return entry.second.rules.gate != Gate::shut &&
		       std::any_of(entry.second.lanes.begin(), entry.second.lanes.end(),
		                   [](const Lane &lane) { return lane.unread; });
	});
}

std::int64_t
Lineup::next_turn_ms(std::int64_t now_ms)
{
	std::int64_t next = 0;
	for (auto &entry : senders_) {
		Sender &sender = entry.second;
		if (sender.standing == 0 || sender.rules.gate != Gate::open ||
		    groups_[sender.rules.group].gate != Gate::open)
			continue;
		const std::int64_t at = sender.pacer.next_message_ms(now_ms);
		if (next == 0 || at < next)
			next = at;
	}
	return next;
}

Pacer *
Lineup::pacer_of(const std::string &sender)
{
	const auto found = senders_.find(sender);
	return found == senders_.end() ? nullptr : &found->second.pacer;
}

} // namespace whatsapp
