/*
 * lineup_reading.cpp — what is read ahead: from where, how much, and what is known by now.
 */
#include "core/turn/lineup.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr int least_reading = 16;

std::uint64_t
mixed_bits(std::uint64_t value) noexcept
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	return value;
}

std::uint64_t
pair_ticket(const std::string &sender, std::string_view recipient) noexcept
{
	const std::hash<std::string_view> hash;
	return mixed_bits(hash(sender) * 31 + hash(recipient));
}

std::uint64_t
order_ticket(std::uint64_t pair, int priority) noexcept
{
	return mixed_bits(pair + static_cast<std::uint64_t>(priority) + 1);
}

} // namespace

/* What was read ahead is read again when the gate opens: meanwhile it would only take up memory. */
void
Lineup::shut_sender(Sender &sender) noexcept
{
	for (Lane &lane : sender.lanes) {
		for (const WaitingMessage &message : lane.line) {
			known_.erase(message.id);
			const auto order = orders_.find(message.order);
			if (order == orders_.end())
				continue;
			for (const WaitingMessage &one : order->second.behind)
				known_.erase(one.id);
			order->second.behind.clear();
		}
		lane.line.clear();
		lane.after = QueuePlace();
		lane.unread = true;
		lane.read_out_ms = 0;
	}
	sender.standing = 0;
}

void
Lineup::reserve_turn(const std::string &name, std::string_view recipient, std::int64_t in_ms,
                     std::int64_t now_ms)
{
	const auto sender = senders_.find(name);
	if (sender == senders_.end())
		return;
	const SenderRules &rules = sender->second.rules;
	Pair &pair = pairs_[pair_ticket(name, recipient)];
	pair.theoretical_ms =
	    std::max(pair.theoretical_ms, now_ms + in_ms + rules.pair_interval_ms * rules.pair_burst);
}

void
Lineup::await_retry(const std::string &name, int priority, std::string_view recipient,
                    std::int64_t id, std::int64_t due_ms)
{
	const auto sender = senders_.find(name);
	if (sender == senders_.end())
		return;
	Order &order = orders_[order_ticket(pair_ticket(name, recipient), priority)];
	order.lane = &sender->second.lanes[static_cast<std::size_t>(priority)];
	order.retried_id = id;
	order.retry_due_ms = due_ms;
}

void
Lineup::read_from_due(std::int64_t due_us)
{
	for (auto &entry : senders_) {
		for (Lane &lane : entry.second.lanes) {
			if (due_us <= lane.after.due_us)
				lane.after = {due_us, 0};
			lane.unread = true;
		}
	}
}

void
Lineup::restart_reading() noexcept
{
	for (auto &order : orders_)
		order.second.behind.clear();
	for (auto &entry : senders_)
		shut_sender(entry.second);
	/* also ids that a step has left there which failed half-way */
	known_.clear();
}

std::vector<Reading>
Lineup::readings(int window)
{
	std::vector<Reading> wanted;
	for (auto &entry : senders_) {
		if (entry.second.rules.gate == Gate::shut)
			continue;
		for (int priority = 0; priority < priorities; priority++) {
			const Lane &lane = entry.second.lanes[static_cast<std::size_t>(priority)];
			if (lane.unread)
				wanted.push_back({&entry.first, priority, lane.after, 0});
		}
	}
	const int share =
	    std::max(least_reading, window / std::max(1, static_cast<int>(wanted.size())));
	const auto enough = [&](Reading &reading) {
		const Lane &lane =
		    senders_.at(*reading.sender).lanes[static_cast<std::size_t>(reading.priority)];
		reading.limit = share - static_cast<int>(lane.line.size());
		return reading.limit < (share + 1) / 2;
	};
	wanted.erase(std::remove_if(wanted.begin(), wanted.end(), enough), wanted.end());
	return wanted;
}

void
Lineup::add_row(const Reading &reading, const QueueRow &row)
{
	Sender &sender = senders_.at(*reading.sender);
	Lane &lane = sender.lanes[static_cast<std::size_t>(reading.priority)];
	lane.after = row.place;
	const std::uint64_t pair = pair_ticket(*reading.sender, row.recipient);
	const std::uint64_t ticket = order_ticket(pair, reading.priority);
	const WaitingMessage message = {row.place.id, row.address, ticket, pair, row.paced, false};
	const auto order = orders_.find(ticket);
	const bool flies =
	    order != orders_.end() && order->second.busy && order->second.flying_id == row.place.id;
	if (flies || !known_.insert(row.place.id).second)
		return;
	/* a retry is due later than those that were read or wait behind it, and goes before them */
	if (order != orders_.end() && order->second.retried_id == row.place.id)
		lane.line.push_front(message);
	else
		lane.line.push_back(message);
	sender.standing++;
}

void
Lineup::pass_rows(const Reading &reading, const QueuePlace &place)
{
	senders_.at(*reading.sender).lanes[static_cast<std::size_t>(reading.priority)].after = place;
}

void
Lineup::end_reading(const Reading &reading, int count, std::int64_t now_ms)
{
	if (count >= reading.limit)
		return;
	Lane &lane = senders_.at(*reading.sender).lanes[static_cast<std::size_t>(reading.priority)];
	lane.unread = false;
	lane.read_out_ms = now_ms;
}

} // namespace whatsapp
