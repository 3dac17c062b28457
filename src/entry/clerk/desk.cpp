/*
 * desk.cpp — between rows and wire; no SQL, no ereport.
 */
#include "entry/clerk/desk.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/answer/graph_outcome.hpp"
#include "core/answer/reaction.hpp"
#include "core/base/fault.hpp"
#include "entry/clerk/job.hpp"
#include "entry/graph/platforms.hpp"
#include "entry/graph/request.hpp"
#include "net/client/http_client.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

/* a page of templates with all their cards */
constexpr std::size_t max_answer_bytes = std::size_t{4} << 20;
constexpr std::size_t max_in_hand = 8;
constexpr long max_connections = 4;
constexpr std::int64_t longest_write_pause_ms = 5000;

net::HttpMethod
http_method(GraphMethod method) noexcept
{
	switch (method) {
	case GraphMethod::get:
		return net::HttpMethod::get;
	case GraphMethod::del:
		return net::HttpMethod::del;
	case GraphMethod::post:
		break;
	}
	return net::HttpMethod::post;
}

/* Judges the answer to a download. The address of a file is good for minutes only: after a 404 a
 * new one is asked for, a few times. A file that is larger than was announced will be so again. */
void
judge_file(Job &job, const net::HttpResponse &response)
{
	constexpr long not_found = 404;
	constexpr int most_addresses = 3;
	if (response.status == not_found)
		job.outcome.verdict = job.attempts < most_addresses ? Verdict::retry : Verdict::refused;
	else if (response.transport == Transport::unknown && response.error == "response too large")
		job.outcome.verdict = Verdict::refused;
}

/* The rest of an account: see the glossary in src/README.md. */
struct Rest {
	std::int64_t until_ms = 0;
	int throttles = 0; /* in a row */
};

} // namespace

struct Desk::State {
	net::HttpClient *client;
	Credentials credentials;
	Platforms platforms;
	std::map<std::int64_t, Job> jobs;
	std::map<std::string, Rest> rests;
	std::vector<const char *> lanes;
	std::vector<const char *> resting;
	std::minstd_rand random{std::random_device{}()};

	static RequestFacts plain_facts_of(const Job &job) noexcept;
	RequestFacts facts_of(const Job &job);
	bool prepare_call(Job &job, GraphRequest &request);
	void start_call(Job &job) noexcept;
	void take_answer(Job &job, net::HttpResponse &response);
	void note_rest(const Job &job, std::int64_t now_ms);
};

/* The facts that need no memory. */
RequestFacts
Desk::State::plain_facts_of(const Job &job) noexcept
{
	RequestFacts facts;
	facts.is_look = job.is_look;
	facts.attempts = job.attempts;
	facts.looks = job.looks;
	facts.max_attempts = pg::settings.max_attempts;
	return facts;
}

RequestFacts
Desk::State::facts_of(const Job &job)
{
	RequestFacts facts = plain_facts_of(job);
	facts.throttles = rests[job.account].throttles;
	facts.random01 = std::uniform_real_distribution<double>(0, 1)(random);
	return facts;
}

/* False when the call cannot be made: the job has failed then, and says why. */
bool
Desk::State::prepare_call(Job &job, GraphRequest &request)
{
	if (job.kind == nullptr) {
		fail_job(job, "this version knows no such kind of request", "");
		return false;
	}
	GraphAsk ask;
	try {
		ask = job.is_look ? job.kind->make_look(task_of(job)) : job.kind->make_ask(task_of(job));
	} catch (const Fault &fault) {
		fail_job(job, fault.message(), fault.hint());
		return false;
	}
	Shortcoming why;
	GraphCall call;
	call.method = http_method(ask.method);
	call.edge = ask.edge;
	call.query = ask.query;
	call.names_own_token = ask.names_own_token;
	call.is_upload = ask.is_upload;
	call.body = std::move(ask.body);
	call.content_type = ask.content_type;
	call.url = ask.url;
	job.takes_file = ask.takes_file;
	if (ask.takes_file)
		call.max_response_bytes = static_cast<std::size_t>(pg::settings.max_media_size) * 1024;
	if (!ask.url.empty())
		call.node = {};
	else if (ask.node == GraphNode::object)
		call.node = ask.object_id;
	else if (ask.node == GraphNode::account)
		call.node = !job.business_account_id.empty()
		                ? std::string_view(job.business_account_id)
		                : credentials.find_business_account_id(job.account);
	if (ask.url.empty() && ask.node != GraphNode::number && call.node.empty())
		why = {"no business account id is set",
		       job.account.empty()
		           ? "Put Meta's id of the WhatsApp Business Account into the environment variable "
		             "WHATSAPP_BUSINESS_ACCOUNT_ID of the server, or into the file "
		             "business_account_id in whatsapp.secret_dir."
		           : "Set business_account_id in whatsapp_accounts."};
	else if (build_request(job.route, credentials, std::move(call), request, why))
		return true;
	fail_job(job, std::move(why.reason), std::move(why.hint));
	job.outcome.verdict = Verdict::account;
	job.reaction = choose_request_reaction(*job.kind, job.outcome, Usage(), facts_of(job));
	return false;
}

void
Desk::State::start_call(Job &job) noexcept
{
	job.is_answered = false;
	job.asked_at = GetCurrentTimestamp();
	job.asked_ms = pg::monotonic_ms();
	try {
		GraphRequest request;
		if (!prepare_call(job, request)) {
			note_rest(job, job.asked_ms);
			return;
		}
		job.token = request.token;
		platforms.find_platform(job.route.base_url).breaker.count_request();
		if (client->start_request(to_http_request(request, static_cast<std::uint64_t>(job.id))))
			return;
		if (may_be_sent(request))
			throw std::bad_alloc();
		fail_job(job, "the request could not be made",
		         "Check whatsapp.api_base_url, and that the access token is one line without "
		         "spaces.");
	} catch (...) {
		/* nothing of it left: the client takes a request or throws */
		job.is_answered = true;
		job.is_done = false;
		job.outcome = put_off_unsent();
		job.reaction = RequestReaction();
		job.reaction.step = job.is_look ? RequestStep::look : RequestStep::ask_again;
		job.reaction.delay_ms = first_pause_ms;
	}
}

void
Desk::State::take_answer(Job &job, net::HttpResponse &response)
{
	Answer answer;
	answer.transport = response.transport;
	answer.http_status = response.status;
	answer.body = response.body;
	answer.retry_after = response.retry_after;
	answer.usage = response.usage;
	answer.transport_error = response.error;
	answer.token = job.token->text();
	const RequestFacts facts = facts_of(job);
	job.outcome = job.takes_file ? judge_file_answer(answer) : judge_graph_answer(answer);
	if (job.takes_file)
		judge_file(job, response);
	job.reaction = choose_request_reaction(*job.kind, job.outcome, read_usage(answer.usage), facts);
	if (job.outcome.verdict == Verdict::account)
		credentials.expire_secrets();
	read_job_answer(job, facts, response.body);
	if (job.reply.has_file)
		job.answer_file.swap(response.body);
	job.is_answered = true;
}

/* What the answer means for others: a rest for requests with the same token, and a count for the
 * breaker of the platform. */
void
Desk::State::note_rest(const Job &job, std::int64_t now_ms)
{
	Rest &rest = rests[job.account];
	rest.throttles = job.reaction.rest_ms > slow_down_ms ? rest.throttles + 1 : 0;
	rest.until_ms = std::max(rest.until_ms, now_ms + job.reaction.rest_ms);
	if (job.token == nullptr)
		return;
	Breaker &breaker = platforms.find_platform(job.route.base_url).breaker;
	if (job.reaction.platform_answered)
		breaker.count_answer(job.asked_ms);
	else
		breaker.count_failure(job.asked_ms, now_ms);
	if (breaker.gate(now_ms) == Gate::shut)
		rest.until_ms = std::max(rest.until_ms, breaker.next_probe_ms(now_ms));
}

Desk *
Desk::create() noexcept
{
	try {
		auto state = std::make_unique<State>();
		state->client = net::HttpClient::create(client_options(max_connections, max_answer_bytes));
		if (state->client == nullptr)
			return nullptr;
		auto *desk = new Desk(state.get());
		(void)state.release();
		return desk;
	} catch (...) {
		return nullptr;
	}
}

void
Desk::reload_settings() noexcept
{
	state_->credentials.expire_secrets();
	state_->client->set_options(client_options(max_connections, max_answer_bytes));
	for (auto &entry : state_->rests)
		entry.second = Rest();
}

bool
Desk::busy_accounts(std::int64_t now_ms, pg::BusyAccounts &busy) noexcept
{
	if (state_->jobs.size() >= max_in_hand)
		return false;
	try {
		std::vector<const char *> &lanes = state_->lanes;
		std::vector<const char *> &resting = state_->resting;
		lanes.clear();
		resting.clear();
		for (const auto &entry : state_->jobs)
			lanes.push_back(entry.second.lane.c_str());
		for (const auto &entry : state_->rests)
			if (entry.second.until_ms > now_ms)
				resting.push_back(entry.first.c_str());
		busy = {lanes.data(), lanes.size(), resting.data(), resting.size()};
		return true;
	} catch (...) {
		return false;
	}
}

bool
Desk::begin_request(const pg::ClaimedRequest &claimed) noexcept
{
	try {
		Job &job = state_->jobs[claimed.id];
		const auto text = [](const char *string) { return string == nullptr ? "" : string; };
		job.id = claimed.id;
		job.kind_name = claimed.kind;
		job.kind = find_request_kind(claimed.kind);
		job.account = text(claimed.account);
		job.sender = text(claimed.sender);
		job.lane = job.account;
		if (!job.sender.empty())
			job.lane.append("/").append(job.sender);
		job.request = claimed.request;
		if (claimed.file != nullptr)
			job.file.assign(claimed.file, claimed.file_size);
		job.business_account_id = text(claimed.business_account_id);
		job.route = resolve_route(
		    {claimed.account, claimed.phone_number_id, claimed.api_version, claimed.api_base_url});
		job.attempts = claimed.attempts;
		job.looks = claimed.looks;
		job.is_look = claimed.is_unknown;
		job.started_at = claimed.started_at;
		state_->start_call(job);
		return true;
	} catch (...) {
		state_->jobs.erase(claimed.id);
		return false;
	}
}

void
Desk::collect_answers() noexcept
{
	state_->client->serve_ready();
	net::HttpResponse response;
	while (state_->client->take_response(response)) {
		const auto found = state_->jobs.find(static_cast<std::int64_t>(response.id));
		if (found == state_->jobs.end())
			continue;
		Job &job = found->second;
		try {
			state_->take_answer(job, response);
			state_->note_rest(job, pg::monotonic_ms());
		} catch (...) {
			/* an answer that cannot be read for lack of memory counts as one that did not come */
			job.outcome = doubt_unread(response.status);
			job.reaction = choose_request_reaction(*job.kind, job.outcome, Usage(),
			                                       State::plain_facts_of(job));
			job.is_done = false;
			job.is_answered = true;
		}
	}
}

bool
Desk::next_answer(std::int64_t now_ms, WrittenAnswer &answer) noexcept
{
	for (const auto &entry : state_->jobs)
		if (entry.second.is_answered && entry.second.write_at_ms <= now_ms) {
			answer = written_answer(entry.second);
			return true;
		}
	return false;
}

void
Desk::answer_written(std::int64_t id) noexcept
{
	const auto found = state_->jobs.find(id);
	Job &job = found->second;
	if (!written_answer(job).goes_on) {
		state_->jobs.erase(found);
		return;
	}
	job.cursor.swap(job.reply.next);
	job.write_failures = 0;
	state_->start_call(job);
}

void
Desk::answer_kept(std::int64_t id, std::int64_t now_ms, bool without_rows) noexcept
{
	Job &job = state_->jobs.find(id)->second;
	job.write_at_ms = now_ms + std::min(std::int64_t{100} << std::min(job.write_failures++, 6),
	                                    longest_write_pause_ms);
	if (!without_rows || !job.is_done)
		return;
	try {
		fail_job(job, "the answer could not be stored", "The server log tells why.");
	} catch (...) {
		/* no memory: tried once more as it is */
	}
}

std::size_t
Desk::in_hand() const noexcept
{
	return state_->jobs.size();
}

int
Desk::descriptor() const noexcept
{
	return state_->client->descriptor();
}

long
Desk::timeout_ms(std::int64_t now_ms) const noexcept
{
	std::int64_t least = state_->client->timeout_ms();
	const auto earlier = [&least](std::int64_t in_ms) {
		if (least < 0 || in_ms < least)
			least = std::max<std::int64_t>(in_ms, 0);
	};
	for (const auto &entry : state_->jobs)
		if (entry.second.is_answered)
			earlier(entry.second.write_at_ms - now_ms);
	for (const auto &entry : state_->rests)
		if (entry.second.until_ms > now_ms)
			earlier(entry.second.until_ms - now_ms);
	return static_cast<long>(least);
}

} // namespace whatsapp::entry
