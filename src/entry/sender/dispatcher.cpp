/*
 * dispatcher.cpp — between queue and wire; no SQL, no ereport.
 */
#include "entry/sender/dispatcher.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/answer/outcome.hpp"
#include "core/answer/reaction.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/base/url.hpp"
#include "core/message/fallback.hpp"
#include "core/message/message.hpp"
#include "core/value/recipient.hpp"
#include "entry/graph/credentials.hpp"
#include "entry/graph/request.hpp"
#include "entry/sender/kept_answers.hpp"
#include "entry/sender/line.hpp"
#include "entry/sender/wire_load.hpp"
#include "net/client/http_thread.hpp"
#include "pg/identity/instance.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

/* The Cloud API's answers have some hundred bytes, and a gateway's page may have more. */
constexpr std::size_t max_answer_bytes = std::size_t{128} * 1024;

bool
meets_obstacle(const pg::Claimed &row, Obstacle &obstacle) noexcept
{
	if (row.message_row == 0)
		obstacle = Obstacle::deleted;
	else if (row.too_large)
		obstacle = Obstacle::too_large;
	else if (row.expired)
		obstacle = Obstacle::expired;
	else if (row.opted_out)
		obstacle = Obstacle::opted_out;
	else if (row.phone != nullptr && pg::settings.allowed_recipients[0] != '\0' &&
	         !list_has_recipient(pg::settings.allowed_recipients, row.phone))
		obstacle = Obstacle::not_allowed;
	else if (row.window_closed)
		obstacle = Obstacle::window_closed;
	else if (row.phone == nullptr)
		obstacle = Obstacle::without_recipient;
	else if (row.payload == nullptr)
		obstacle = Obstacle::malformed;
	else
		return false;
	return true;
}

Answer
answer_of(const net::HttpResponse &response, const Flight &flight) noexcept
{
	Answer answer;
	answer.transport = response.transport;
	answer.http_status = response.status;
	answer.body = response.body;
	answer.retry_after = response.retry_after;
	answer.usage = response.usage;
	answer.transport_error = response.error;
	answer.token = flight.token->text();
	return answer;
}

} // namespace

struct Dispatcher::State {
	Line *line;
	net::HttpThread *client;
	Credentials credentials;
	std::unordered_map<std::int64_t, Flight> flights;
	std::vector<FlightResult> results;
	std::size_t told = 0; /* so many of them the line knows of */
	WireLoad load;
	std::vector<pg::Settled> views;
	KeptAnswers kept;
	std::minstd_rand random{std::random_device{}()};

	AttemptFacts attempt_facts(const Flight &flight);
	void add_result(std::int64_t id, const Flight &flight, Outcome outcome) noexcept;
	void add_reaction(std::int64_t id, const Flight &flight, Outcome outcome,
	                  std::string_view usage_header);
	void add_answer(std::int64_t id, const Flight &flight, const Answer &answer) noexcept;
	bool start_request(const pg::Claimed &row, const pg::Instance &instance, Flight &flight,
	                   Outcome &refusal);
};

AttemptFacts
Dispatcher::State::attempt_facts(const Flight &flight)
{
	return {flight.attempt, pg::settings.max_attempts,
	        std::uniform_real_distribution<double>(0, 1)(random)};
}

/* The result of a message that never left. reserve_slots() has made room for it. */
void
Dispatcher::State::add_result(std::int64_t id, const Flight &flight, Outcome outcome) noexcept
{
	const Reaction reaction = choose_reaction(outcome, Usage(), attempt_facts(flight));
	results.push_back({id, flight, std::move(outcome), reaction});
}

/* Throws before it has done anything, or not at all. */
void
Dispatcher::State::add_reaction(std::int64_t id, const Flight &flight, Outcome outcome,
                                std::string_view usage_header)
{
	const Usage usage = usage_header.empty() ? Usage() : read_usage(usage_header);
	Reaction reaction = choose_reaction(outcome, usage, attempt_facts(flight));
	reaction.delay_ms = line->follow_reaction(id, flight.started_ms, reaction);
	results.push_back({id, flight, std::move(outcome), reaction});
}

void
Dispatcher::State::add_answer(std::int64_t id, const Flight &flight, const Answer &answer) noexcept
{
	try {
		Outcome outcome = judge_answer(answer);
		/* a refused token may have been replaced since it was read */
		if (outcome.verdict == Verdict::account)
			credentials.expire_secrets();
		add_reaction(id, flight, std::move(outcome), answer.usage);
	} catch (...) {
		/* an answer that cannot be read for lack of memory counts as one that did not come */
		add_reaction(id, flight, doubt_unread(answer.http_status), {});
	}
}

bool
Dispatcher::State::start_request(const pg::Claimed &row, const pg::Instance &instance,
                                 Flight &flight, Outcome &refusal)
{
	Obstacle obstacle;
	if (meets_obstacle(row, obstacle)) {
		refusal = refuse_unsent(obstacle);
		return false;
	}
	if (pg::fault_ordered(pg::FaultPoint::request_made))
		throw std::bad_alloc();
	static const Route no_route;
	const Route *route = line->route_of(row.id);
	GraphCall call;
	call.edge = row.marketing_endpoint ? "marketing_messages" : "messages";
	try {
		const std::string stripped = row.free_form && may_have_fallback(row.payload)
		                                 ? remove_fallback(row.payload)
		                                 : std::string();
		call.body = request_body(row.phone, callback_data({instance.nonce, row.id, row.made_at}),
		                         stripped.empty() ? std::string_view(row.payload) : stripped);
	} catch (const Fault &) {
		refusal = refuse_unsent(Obstacle::malformed);
		return false;
	}
	GraphRequest request;
	Shortcoming why;
	if (!build_request(route != nullptr ? *route : no_route, credentials, std::move(call), request,
	                   why)) {
		refusal = pause_unsent(std::move(why.reason), std::move(why.hint));
		return false;
	}
	flight.token = request.token;
	flight.bytes = request.body.size();
	flight.tls = !url_is_loopback_http(request.url);
	if (client->start_request(to_http_request(request, static_cast<std::uint64_t>(row.id))))
		return true;
	if (may_be_sent(request))
		throw std::bad_alloc();
	refusal = pause_unsent(
	    "the request could not be made",
	    "Check whatsapp.api_base_url, and that the access token is one line without spaces.");
	return false;
}

Dispatcher *
Dispatcher::create(Line &line) noexcept
{
	try {
		auto state = std::make_unique<State>();
		/* held by a unique_ptr until nothing can fail any more: its thread must be joined before
		 * exit() */
		std::unique_ptr<net::HttpThread> client(net::HttpThread::create(
		    client_options(pg::settings.max_connections, max_answer_bytes)));
		if (!client)
			return nullptr;
		auto *dispatcher = new Dispatcher(state.get());
		state->line = &line;
		state->client = client.release();
		(void)state.release();
		return dispatcher;
	} catch (...) {
		return nullptr;
	}
}

void
Dispatcher::reload_settings() noexcept
{
	state_->credentials.expire_secrets();
	state_->client->set_options(client_options(pg::settings.max_connections, max_answer_bytes));
}

bool
Dispatcher::has_new_secret() noexcept
{
	try {
		return state_->credentials.take_change();
	} catch (...) {
		return false; /* no memory: asked again in a second */
	}
}

void
Dispatcher::refresh_secrets() noexcept
{
	try {
		state_->credentials.refresh_secrets();
	} catch (...) {
		/* no memory: they are read when they are needed */
	}
}

void
Dispatcher::send_message(const pg::Claimed &row, const pg::Instance &instance) noexcept
{
	const Flight flight{row.attempt,
	                    row.queue_row,
	                    row.message_row,
	                    state_->line->sender_of(row.id),
	                    pg::monotonic_ms(),
	                    0,
	                    false,
	                    nullptr,
	                    {},
	                    0,
	                    0};
	Outcome refusal;
	try {
		/* before the bytes: an answer must always find its flight */
		Flight &kept = state_->flights.insert_or_assign(row.id, flight).first->second;
		if (pg::settings.log_messages != pg::log_none && row.phone != nullptr)
			mask_phone(row.phone).copy(kept.phone, sizeof kept.phone - 1);
		if (state_->start_request(row, instance, kept, refusal)) {
			state_->load.add_request(kept.bytes);
			state_->line->count_departure(row.id, flight.started_ms);
			if (row.attempt == 1)
				pg::note_latency(
				    flight.sender, Step::queued,
				    pg::unix_now() - pg::unix_seconds(std::max(row.made_at, row.due_at)), row.id);
			return;
		}
	} catch (...) {
		/* nothing of it left: the client takes a request or throws */
		refusal = put_off_unsent();
	}
	state_->flights.erase(row.id);
	state_->add_result(row.id, flight, std::move(refusal));
}

bool
Dispatcher::reserve_slots(std::size_t count) noexcept
{
	try {
		const std::size_t wanted = state_->results.size() + state_->flights.size() + count;
		if (state_->results.capacity() < wanted)
			state_->results.reserve(2 * wanted);
		if (state_->views.capacity() < wanted)
			state_->views.reserve(2 * wanted);
	} catch (...) {
		return false;
	}
	return true;
}

void
Dispatcher::collect_answers() noexcept
{
	net::HttpResponse response;
	while (state_->client->take_response(response)) {
		const auto id = static_cast<std::int64_t>(response.id);
		const auto found = state_->flights.find(id);
		if (found == state_->flights.end())
			continue;
		Flight flight = found->second;
		state_->flights.erase(found);
		state_->load.end_request(flight.bytes);
		if (response.transport == Transport::answered) {
			flight.answered_at = GetCurrentTimestamp();
			flight.took_ms = pg::monotonic_ms() - flight.started_ms - response.queued_us / 1000;
			pg::note_latency(flight.sender, Step::answered,
			                 static_cast<double>(flight.took_ms) / 1000, id);
			state_->load.note_answer(flight.tls, response.multiplexed);
		}
		state_->line->correct_departure(id, flight.started_ms,
		                                flight.started_ms + response.queued_us / 1000);
		state_->add_answer(id, flight, answer_of(response, flight));
	}
}

const pg::Settled *
Dispatcher::results(std::size_t &count) noexcept
{
	count = 0;
	try {
		std::vector<FlightResult> &results = state_->results;
		std::sort(results.begin(), results.end(),
		          [](const FlightResult &a, const FlightResult &b) { return a.id < b.id; });
		state_->views.clear();
		state_->views.reserve(results.size());
		for (const FlightResult &result : results)
			state_->views.push_back(settled_of(result));
	} catch (...) {
		return nullptr;
	}
	count = state_->views.size();
	return state_->views.data();
}

void
Dispatcher::report_ends() noexcept
{
	for (std::size_t i = state_->told; i < state_->results.size(); i++) {
		const FlightResult &result = state_->results[i];
		state_->line->end_message(result.id, result.reaction);
	}
	state_->told = state_->results.size();
}

void
Dispatcher::forget_results(std::size_t count) noexcept
{
	count = std::min(count, state_->results.size());
	state_->told -= std::min(count, state_->told);
	state_->results.erase(state_->results.begin(),
	                      state_->results.begin() + static_cast<std::ptrdiff_t>(count));
	state_->views.clear();
}

void
Dispatcher::keep_result(std::size_t place) noexcept
{
	state_->kept.keep_answer(std::move(state_->results[place]));
}

std::size_t
Dispatcher::kept_count() const noexcept
{
	return state_->kept.count();
}

const pg::Settled *
Dispatcher::kept_results(std::size_t most, std::size_t &count) noexcept
{
	return state_->kept.first_answers(most, count);
}

void
Dispatcher::forget_kept(const bool *written, std::size_t tried) noexcept
{
	state_->kept.forget_answers(written, tried);
}

bool
Dispatcher::has_results() const noexcept
{
	return !state_->results.empty();
}

std::size_t
Dispatcher::result_count() const noexcept
{
	return state_->results.size();
}

std::size_t
Dispatcher::in_flight() const noexcept
{
	return state_->flights.size();
}

bool
Dispatcher::has_in_hand(std::int64_t id) const noexcept
{
	return state_->flights.find(id) != state_->flights.end() ||
	       std::any_of(state_->results.begin(), state_->results.end(),
	                   [id](const FlightResult &result) { return result.id == id; }) ||
	       state_->kept.has_answer(id);
}

std::size_t
Dispatcher::free_bytes() const noexcept
{
	return state_->load.free_bytes();
}

void
Dispatcher::give_back_memory() noexcept
{
	state_->load.give_back_memory();
}

std::size_t
Dispatcher::slots() const noexcept
{
	return state_->load.slots(pg::settings.api_base_url,
	                          static_cast<std::size_t>(pg::settings.max_in_flight),
	                          static_cast<std::size_t>(pg::settings.max_connections));
}

int
Dispatcher::descriptor() const noexcept
{
	return state_->client->descriptor();
}

void
Dispatcher::stop_client() noexcept
{
	state_->client->stop_thread();
}

} // namespace whatsapp::entry
