/*
 * line.cpp — between the lineup and the server's rows.
 */
#include "entry/sender/line.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "entry/sender/line_state.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/settings.hpp"

namespace whatsapp::entry
{

namespace
{

/* until a message whose answer has not come is looked at again */
constexpr std::int64_t twin_delay_ms = 1000;
constexpr std::int64_t clock_was_set_us = 500000;

} // namespace

Line *
Line::create() noexcept
{
	try {
		auto state = std::make_unique<LineState>();
		auto *line = new Line(state.get());
		(void)state.release();
		return line;
	} catch (...) {
		return nullptr;
	}
}

bool
Line::set_senders(const pg::SenderRow *rows, std::size_t count) noexcept
try {
	std::vector<std::string> paused;
	state_->lineup.begin_rules();
	for (std::size_t i = 0; i < count; i++) {
		const pg::SenderRow &row = rows[i];
		Route &route = state_->routes[row.name];
		route =
		    resolve_route({row.account, row.phone_number_id, row.api_version, row.api_base_url});
		Platform &platform = state_->platforms.find_platform(route.base_url);
		SenderRules rules;
		rules.group = platform.group;
		rules.per_second = row.per_second;
		rules.pair_interval_ms = row.pair_interval_ms;
		rules.pair_burst = row.pair_burst;
		if (!row.enabled || row.resumes_ms > 0)
			rules.gate = Gate::shut;
		else if (row.paused)
			rules.gate = Gate::probe;
		if (row.paused)
			paused.emplace_back(row.name);
		state_->lineup.set_rules(row.name, rules);
		/* its pause was ended by a message that was sent, or by wa_resume() */
		if (!row.paused && is_sender_paused(row.name)) {
			platform.breaker.end_rest();
			state_->lineup.pacer_of(row.name)->end_rest();
		}
	}
	state_->lineup.end_rules();
	state_->paused.swap(paused);
	return true;
} catch (...) {
	return false;
}

void
Line::reserve_pair_turns(const pg::PairTurn *turns, std::size_t count) noexcept
try {
	const std::int64_t now = pg::monotonic_ms();
	for (std::size_t i = 0; i < count; i++) {
		const pg::PairTurn &turn = turns[i];
		if (turn.in_ms > 0)
			state_->lineup.reserve_turn(turn.sender, turn.recipient, turn.in_ms, now);
		if (turn.retried != 0)
			state_->lineup.await_retry(turn.sender, turn.priority, turn.recipient, turn.retried,
			                           now + turn.retried_in_ms);
	}
} catch (...) {
	/* no memory: newcomers of these pairs may overtake */
}

void
Line::read_from_due(std::int64_t due) noexcept
{
	state_->lineup.read_from_due(due);
}

void
Line::read_everything() noexcept
{
	state_->lineup.read_from_due(QueuePlace().due_us);
}

const pg::ReadFrom *
Line::wanted_readings(int window, std::size_t &count) noexcept
{
	count = 0;
	try {
		state_->readings = state_->lineup.readings(window);
		state_->wanted.clear();
		for (const Reading &one : state_->readings)
			state_->wanted.push_back(
			    {one.sender->c_str(), one.priority, one.after.due_us, one.after.id, one.limit});
	} catch (...) {
		return nullptr;
	}
	count = state_->wanted.size();
	return state_->wanted.data();
}

void
Line::add_rows(const pg::ReadyRows &ready) noexcept
try {
	const pg::Ready *rows = ready.rows;
	std::vector<int> counts(state_->readings.size());
	for (std::size_t i = 0; i < ready.count; i++) {
		const auto from = static_cast<std::size_t>(rows[i].from);
		counts[from]++;
		state_->lineup.add_row(
		    state_->readings[from],
		    {{rows[i].due, rows[i].id}, rows[i].row, rows[i].recipient, rows[i].paced});
	}
	for (std::size_t i = 0; i < counts.size(); i++) {
		const pg::PassedOver passed = ready.passed == nullptr ? pg::PassedOver() : ready.passed[i];
		if (passed.any)
			state_->lineup.pass_rows(state_->readings[i], {passed.due, passed.id});
		if (!passed.any || !passed.more)
			state_->lineup.end_reading(state_->readings[i], counts[i], pg::monotonic_ms());
	}
} catch (...) {
	state_->lineup.restart_reading();
}

void
Line::forget_read_rows() noexcept
{
	state_->lineup.restart_reading();
}

const pg::ReadyMessage *
Line::choose_messages(int room, std::int64_t clock, std::size_t &count) noexcept
{
	count = 0;
	state_->chosen.clear();
	state_->deferred.clear();
	state_->candidates.clear();
	try {
		const std::int64_t now = pg::monotonic_ms();
		state_->chosen_ms = now;
		/* kept unless somebody has set the server's clock: with one difference between the two
		 * clocks, times that are equal here are equal in the queue, too */
		if (std::abs(clock - now * 1000 - state_->clock_us) > clock_was_set_us)
			state_->clock_us = clock - now * 1000;
		state_->set_gates(now);
		state_->candidates.reserve(static_cast<std::size_t>(room));
		state_->chosen.reserve(static_cast<std::size_t>(room));
		state_->lineup.choose_messages(room, now, state_->chosen, state_->deferred);
		for (auto one = state_->chosen.begin(); one != state_->chosen.end();) {
			if (state_->out.emplace(one->id, *one).second) {
				state_->candidates.push_back({one->id, one->address});
				++one;
				continue;
			}
			/* wa_retry() to another number: answers go by the message's id, so it waits for the one
			 * that is on the wire */
			const Chosen twin = *one;
			one = state_->chosen.erase(one);
			state_->lineup.end_message(twin, Ended::lost, 0, now);
			state_->deferred.push_back({twin.id, twin_delay_ms, false});
		}
		std::sort(state_->candidates.begin(), state_->candidates.end(),
		          [](const pg::ReadyMessage &a, const pg::ReadyMessage &b) { return a.id < b.id; });
	} catch (...) {
		drop_choice();
		return nullptr;
	}
	count = state_->candidates.size();
	return state_->candidates.data();
}

const pg::Postponed *
Line::postponed_messages(std::size_t &count) noexcept
{
	count = 0;
	try {
		state_->postponed.clear();
		for (const Deferred &one : state_->deferred)
			state_->postponed.push_back(
			    {one.id, (state_->chosen_ms + one.delay_ms) * 1000 + state_->clock_us,
			     one.is_turn});
	} catch (...) {
		return nullptr;
	}
	std::sort(state_->postponed.begin(), state_->postponed.end(),
	          [](const pg::Postponed &a, const pg::Postponed &b) { return a.id < b.id; });
	count = state_->postponed.size();
	return state_->postponed.data();
}

void
Line::confirm_marks(const pg::Claims &claims) noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	std::size_t next = 0;
	const std::size_t looked_at = std::min(claims.looked_at, state_->candidates.size());
	for (std::size_t i = 0; i < looked_at; i++) {
		if (next < claims.count && claims.rows[next].id == state_->candidates[i].id)
			next++;
		else if (const auto lost = state_->out.find(state_->candidates[i].id);
		         lost != state_->out.end())
			state_->end_choice(Chosen(lost->second), Ended::lost, now);
	}
	/* the candidates are in order of id; these go back in the order in which they stood */
	if (looked_at < state_->candidates.size()) {
		const std::int64_t first_left = state_->candidates[looked_at].id;
		for (auto one = state_->chosen.rbegin(); one != state_->chosen.rend(); ++one)
			if (one->id >= first_left)
				state_->end_choice(*one, Ended::put_back, now);
	}
	/* what left is nobody's choice any more: a later turn that fails must not drop it */
	state_->chosen.clear();
	state_->candidates.clear();
	state_->lineup.confirm_choice();
}

void
Line::drop_choice() noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	for (auto one = state_->chosen.rbegin(); one != state_->chosen.rend(); ++one)
		state_->end_choice(*one, Ended::lost, now);
	state_->chosen.clear();
	state_->deferred.clear();
	state_->candidates.clear();
	state_->lineup.undo_choice();
}

const char *
Line::sender_of(std::int64_t id) const noexcept
{
	const auto found = state_->out.find(id);
	return found == state_->out.end() ? "" : found->second.sender->c_str();
}

const Route *
Line::route_of(std::int64_t id) const noexcept
{
	const auto found = state_->out.find(id);
	if (found == state_->out.end())
		return nullptr;
	const auto route = state_->routes.find(*found->second.sender);
	return route == state_->routes.end() ? nullptr : &route->second;
}

bool
Line::is_sender_paused(const char *sender) const noexcept
{
	return std::find(state_->paused.begin(), state_->paused.end(), sender) != state_->paused.end();
}

bool
Line::has_paused_sender() const noexcept
{
	return !state_->paused.empty();
}

bool
Line::has_ready_message() noexcept
try {
	const std::int64_t now = pg::monotonic_ms();
	state_->set_gates(now);
	return state_->lineup.has_ready_message(now);
} catch (...) {
	return false; /* no memory to look: asked again in the next turn */
}

bool
Line::has_unread_rows() const noexcept
{
	return state_->lineup.has_unread_rows();
}

std::int64_t
Line::next_turn_ms() noexcept
try {
	const std::int64_t now = pg::monotonic_ms();
	const std::int64_t turn = state_->lineup.next_turn_ms(now);
	const std::int64_t probe = state_->platforms.next_probe_ms(now);
	return turn == 0 || probe == 0 ? std::max(turn, probe) : std::min(turn, probe);
} catch (...) {
	return 0; /* the sender looks again within a second */
}

void
Line::forget_idle_pairs() noexcept
{
	state_->lineup.forget_idle_pairs(pg::monotonic_ms());
}

} // namespace whatsapp::entry
