/*
 * line.cpp — between the lineup and the server's rows.
 */
#include "entry/sender/line.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/turn/breaker.hpp"
#include "core/turn/lineup.hpp"
#include "core/answer/usage.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr long long throughput_code = 130429;
constexpr std::int64_t clock_was_set_us = 500000;

struct Platform {
	int group;
	Breaker breaker;
};

std::string
text_or_empty(const char *text)
{
	return text == nullptr ? std::string() : std::string(text);
}

std::string
without_slash(std::string url)
{
	while (!url.empty() && url.back() == '/')
		url.pop_back();
	return url;
}

bool
listed(std::string_view url, std::string_view list)
{
	while (!list.empty()) {
		const std::size_t end = std::min(list.find_first_of(", "), list.size());
		if (without_slash(std::string(list.substr(0, end))) == url)
			return true;
		list.remove_prefix(std::min(end + 1, list.size()));
	}
	return false;
}

Route
route_from(const pg::SenderRow &row)
{
	Route route;
	route.account = text_or_empty(row.account);
	route.phone_number_id = text_or_empty(row.phone_number_id);
	route.api_version = text_or_empty(row.api_version);
	const std::string usual = without_slash(pg::settings.api_base_url);
	route.base_url = row.api_base_url == nullptr ? usual : without_slash(row.api_base_url);
	route.allowed =
	    route.base_url == usual || listed(route.base_url, pg::settings.account_base_urls);
	return route;
}

} // namespace

struct Line::State {
	Lineup lineup{pg::monotonic_ms()};
	std::map<std::string, Route> routes;
	std::map<std::string, Platform> platforms;    /* by base URL */
	std::unordered_map<std::int64_t, Chosen> out; /* chosen and not ended */
	std::vector<Reading> readings;
	std::vector<pg::ReadFrom> wanted;
	std::vector<Chosen> chosen;
	std::vector<Deferred> deferred;
	std::vector<pg::Candidate> candidates;
	std::vector<pg::Postponed> postponed;
	std::vector<std::string> paused;
	std::int64_t chosen_ms = 0; /* the last choice */
	std::int64_t clock_us = 0;  /* of the server, when the monotonic one said 0 */

	Platform &platform_of(const std::string &base_url);
	Breaker *breaker_of(std::int64_t id);
	void set_gates(std::int64_t now_ms);
};

Platform &
Line::State::platform_of(const std::string &base_url)
{
	const int group = static_cast<int>(platforms.size());
	return platforms.try_emplace(base_url, Platform{group, Breaker()}).first->second;
}

Breaker *
Line::State::breaker_of(std::int64_t id)
{
	const auto found = out.find(id);
	if (found == out.end())
		return nullptr;
	const auto route = routes.find(*found->second.sender);
	return route == routes.end() ? nullptr : &platform_of(route->second.base_url).breaker;
}

void
Line::State::set_gates(std::int64_t now_ms)
{
	for (const auto &platform : platforms)
		lineup.set_group(platform.second.group, platform.second.breaker.gate(now_ms));
}

Line *
Line::create() noexcept
{
	try {
		auto state = std::make_unique<State>();
		auto *line = new Line(state.get());
		(void)state.release();
		return line;
	} catch (...) {
		return nullptr;
	}
}

void
Line::set_senders(const pg::SenderRow *rows, std::size_t count) noexcept
try {
	state_->paused.clear();
	state_->lineup.begin_rules();
	for (std::size_t i = 0; i < count; i++) {
		const pg::SenderRow &row = rows[i];
		Route &route = state_->routes[row.name];
		route = route_from(row);
		SenderRules rules;
		rules.group = state_->platform_of(route.base_url).group;
		rules.per_second = row.per_second;
		rules.pair_interval_ms = row.pair_interval_ms;
		rules.pair_burst = row.pair_burst;
		if (!row.enabled || row.resumes_ms > 0)
			rules.gate = Gate::shut;
		else if (row.paused)
			rules.gate = Gate::probe;
		if (row.paused)
			state_->paused.emplace_back(row.name);
		state_->lineup.set_rules(row.name, rules);
	}
	state_->lineup.end_rules();
} catch (...) {
	/* no memory: the rules of before hold until the next look */
}

void
Line::reserve(const pg::Turn *turns, std::size_t count) noexcept
try {
	const std::int64_t now = pg::monotonic_ms();
	for (std::size_t i = 0; i < count; i++) {
		const pg::Turn &turn = turns[i];
		if (turn.in_ms > 0)
			state_->lineup.reserve(turn.sender, turn.recipient, turn.in_ms, now);
		if (turn.retried != 0)
			state_->lineup.hold(turn.sender, turn.priority, turn.recipient, turn.retried,
			                    now + turn.retried_in_ms);
	}
} catch (...) {
	/* no memory: newcomers of these pairs may overtake */
}

void
Line::look_from(std::int64_t due) noexcept
{
	state_->lineup.look_from(due);
}

void
Line::look_everywhere() noexcept
{
	state_->lineup.look_from(QueuePlace().due_us);
}

const pg::ReadFrom *
Line::wanted(int window, std::size_t &count) noexcept
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
Line::read(const pg::Ready *rows, std::size_t count) noexcept
try {
	std::vector<int> counts(state_->readings.size());
	for (std::size_t i = 0; i < count; i++) {
		const auto from = static_cast<std::size_t>(rows[i].from);
		counts[from]++;
		state_->lineup.add(
		    state_->readings[from],
		    {{rows[i].due, rows[i].id}, rows[i].row, rows[i].recipient, rows[i].paced});
	}
	for (std::size_t i = 0; i < counts.size(); i++)
		state_->lineup.end_reading(state_->readings[i], counts[i], pg::monotonic_ms());
} catch (...) {
	state_->lineup.start_over();
}

const pg::Candidate *
Line::choose(int room, std::int64_t clock, std::size_t &count) noexcept
{
	count = 0;
	state_->chosen.clear();
	state_->deferred.clear();
	state_->candidates.clear();
	try {
		const std::int64_t now = pg::monotonic_ms();
		state_->chosen_ms = now;
		/* as long as nobody has set it: two times that are equal here are equal in the queue */
		if (std::abs(clock - now * 1000 - state_->clock_us) > clock_was_set_us)
			state_->clock_us = clock - now * 1000;
		state_->set_gates(now);
		state_->candidates.reserve(static_cast<std::size_t>(room));
		state_->chosen.reserve(static_cast<std::size_t>(room));
		state_->lineup.choose(room, now, state_->chosen, state_->deferred);
		for (const Chosen &one : state_->chosen) {
			state_->candidates.push_back({one.id, one.address});
			state_->out.emplace(one.id, one);
		}
		std::sort(state_->candidates.begin(), state_->candidates.end(),
		          [](const pg::Candidate &a, const pg::Candidate &b) { return a.id < b.id; });
	} catch (...) {
		give_up();
		return nullptr;
	}
	count = state_->candidates.size();
	return state_->candidates.data();
}

const pg::Postponed *
Line::postponed(std::size_t &count) noexcept
{
	count = 0;
	try {
		state_->postponed.clear();
		for (const Deferred &one : state_->deferred)
			state_->postponed.push_back(
			    {one.id, (state_->chosen_ms + one.delay_ms) * 1000 + state_->clock_us});
	} catch (...) {
		return nullptr;
	}
	std::sort(state_->postponed.begin(), state_->postponed.end(),
	          [](const pg::Postponed &a, const pg::Postponed &b) { return a.id < b.id; });
	count = state_->postponed.size();
	return state_->postponed.data();
}

void
Line::marked(const pg::Claimed *rows, std::size_t count) noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	std::size_t next = 0;
	for (const pg::Candidate &one : state_->candidates) {
		if (next < count && rows[next].id == one.id) {
			next++;
			continue;
		}
		const auto found = state_->out.find(one.id);
		state_->lineup.ended(found->second, Ended::lost, 0, now);
		state_->out.erase(found);
	}
	state_->candidates.clear();
}

void
Line::give_up() noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	for (const Chosen &one : state_->chosen) {
		state_->lineup.ended(one, Ended::lost, 0, now);
		state_->out.erase(one.id);
	}
	state_->chosen.clear();
	state_->candidates.clear();
	state_->lineup.start_over();
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

void
Line::leaves(std::int64_t id, std::int64_t now_ms) noexcept
try {
	const auto found = state_->out.find(id);
	if (found == state_->out.end())
		return;
	state_->lineup.pacer_of(*found->second.sender)->spend(1, now_ms);
	if (Breaker *breaker = state_->breaker_of(id))
		breaker->count_request();
} catch (...) {
	/* no memory: one message that is not counted */
}

void
Line::left(std::int64_t id, std::int64_t started_ms, std::int64_t left_ms) noexcept
try {
	const auto found = state_->out.find(id);
	if (found != state_->out.end())
		state_->lineup.pacer_of(*found->second.sender)->correct(started_ms, left_ms);
} catch (...) {
	/* no memory: it is counted when it was started */
}

std::int64_t
Line::heard(std::int64_t id, std::int64_t started_ms, const Answer &answer, const Outcome &outcome,
            std::int64_t delay_ms) noexcept
{
	const auto found = state_->out.find(id);
	Breaker *breaker = state_->breaker_of(id);
	if (breaker == nullptr)
		return delay_ms;
	const std::int64_t now = pg::monotonic_ms();
	Pacer &pacer = *state_->lineup.pacer_of(*found->second.sender);
	const bool answered = answer.transport == Transport::answered &&
	                      (outcome.has_code || outcome.verdict != Verdict::retry);
	if (answered)
		breaker->succeeded(started_ms);
	else
		breaker->failed(started_ms, now);

	if (outcome.verdict == Verdict::throttle && outcome.code == throughput_code) {
		pacer.slow_down(now);
		pacer.rest_until(now + std::max<std::int64_t>(outcome.retry_after_ms, 0));
	} else if (outcome.verdict == Verdict::retry && outcome.retry_after_ms > 0 &&
	           !outcome.has_code) {
		breaker->rest_until(now + outcome.retry_after_ms);
	}
	if (!answer.usage.empty()) {
		const Usage usage = read_usage(answer.usage);
		if (usage.percent >= slow_down_percent)
			pacer.slow_down(now);
		pacer.rest_until(now + usage.regain_ms);
	}
	return outcome.verdict == Verdict::retry ? breaker->retry_delay_ms(delay_ms, now) : delay_ms;
}

void
Line::ended(std::int64_t id, pg::Settle how, bool pair_limit, std::int64_t delay_ms) noexcept
try {
	const auto found = state_->out.find(id);
	if (found == state_->out.end())
		return;
	Ended end = Ended::settled;
	if (how == pg::Settle::retry)
		end = pair_limit ? Ended::pair_limit : Ended::again;
	else if (how == pg::Settle::paused)
		end = Ended::put_back;
	state_->lineup.ended(found->second, end, delay_ms, pg::monotonic_ms());
	state_->out.erase(found);
} catch (...) {
	state_->lineup.start_over();
}

bool
Line::is_paused(const char *sender) const noexcept
{
	return std::find(state_->paused.begin(), state_->paused.end(), sender) != state_->paused.end();
}

bool
Line::ready() noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	state_->set_gates(now);
	return state_->lineup.ready(now);
}

bool
Line::unread() const noexcept
{
	return state_->lineup.unread();
}

std::int64_t
Line::next_ms() noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	std::int64_t next = 0;
	const auto earlier = [&next](std::int64_t at) {
		if (at != 0 && (next == 0 || at < next))
			next = at;
	};
	earlier(state_->lineup.next_ms(now));
	for (const auto &platform : state_->platforms)
		earlier(platform.second.breaker.next_ms(now));
	return next;
}

void
Line::sweep() noexcept
{
	state_->lineup.sweep(pg::monotonic_ms());
}

} // namespace whatsapp::entry
