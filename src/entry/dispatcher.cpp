/*
 * dispatcher.cpp — between queue and wire; no SQL, no ereport.
 */
#include "entry/dispatcher.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/message.hpp"
#include "core/outcome.hpp"
#include "core/pacer.hpp"
#include "core/retry.hpp"
#include "core/url.hpp"
#include "net/http_client.hpp"
#include "pg/secrets.hpp"
#include "pg/settings.hpp"
#include "pg/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t secret_age_ms = 1000;
constexpr std::int64_t first_pause_ms = 30000;
/* a Retry-After of 0 must not make a hot loop */
constexpr std::int64_t least_throttle_ms = 1000;
constexpr long long pair_limit_code = 131056;
constexpr long long throughput_code = 130429;

struct Flight {
	int attempt;
	std::string sender;
	std::int64_t started_ms;
};

struct Credentials {
	pg::Secret token = {};
	pg::Secret phone_number_id = {};
	std::int64_t read_at = 0;
};

struct Result {
	std::int64_t id;
	Flight flight;
	Outcome outcome;
	pg::Settle how;
	std::int64_t delay_ms;
};

net::HttpClientOptions
client_options() noexcept
{
	net::HttpClientOptions options;
	options.max_connections = pg::settings.max_connections;
	options.connect_timeout_ms = pg::settings.connect_timeout;
	options.request_timeout_ms = pg::settings.request_timeout;
	options.user_agent = "pg_whatsapp/" PG_WHATSAPP_VERSION;
	options.ca_file = pg::settings.ca_file != nullptr && *pg::settings.ca_file != '\0'
	                      ? pg::settings.ca_file
	                      : nullptr;
	return options;
}

Outcome
local(Verdict verdict, std::string message, const char *hint)
{
	Outcome outcome;
	outcome.verdict = verdict;
	outcome.message = std::move(message);
	outcome.hint = hint;
	return outcome;
}

bool
plain_id(std::string_view id) noexcept
{
	return !id.empty() && id.size() <= 128 &&
	       std::all_of(id.begin(), id.end(),
	                   [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

} // namespace

struct Dispatcher::State {
	net::HttpClient *client;
	std::unordered_map<std::int64_t, Flight> flights;
	std::vector<Result> results;
	std::vector<pg::Settled> views;
	std::map<std::string, Credentials> credentials;
	std::vector<pg::Allowance> allowances;
	Pacer pacer{pg::monotonic_ms()};
	std::minstd_rand random{std::random_device{}()};

	Credentials &credentials_of(const char *account);
	void finish(std::int64_t id, Flight flight, Outcome outcome);
	bool start(const pg::Claimed &row, const pg::Instance &instance, Outcome &refusal);
};

Credentials &
Dispatcher::State::credentials_of(const char *account)
{
	Credentials &found = credentials[account == nullptr ? "" : account];
	const std::int64_t now = pg::monotonic_ms();
	/* files are small and the page cache holds them: a rotated token is in use within a second,
	 * without any signal */
	if (found.read_at == 0 || now - found.read_at > secret_age_ms) {
		pg::read_secret(account, "access_token", found.token);
		pg::read_secret(account, "phone_number_id", found.phone_number_id);
		found.read_at = now;
	}
	return found;
}

void
Dispatcher::State::finish(std::int64_t id, Flight flight, Outcome outcome)
{
	const std::int64_t backoff = retry_delay_ms(
	    RetryPolicy(), flight.attempt, std::uniform_real_distribution<double>(0, 1)(random));
	Result result{id, std::move(flight), std::move(outcome), pg::Settle::unknown, backoff};
	const std::int64_t asked = result.outcome.retry_after_ms;
	switch (result.outcome.verdict) {
	case Verdict::accepted:
		result.how = pg::Settle::sent;
		break;
	case Verdict::refused:
		result.how = pg::Settle::failed;
		break;
	case Verdict::unknown:
		result.how = pg::Settle::unknown;
		break;
	case Verdict::account:
		result.how = pg::Settle::paused;
		result.delay_ms = std::max(asked, first_pause_ms);
		break;
	case Verdict::throttle:
		if (result.outcome.code == throughput_code)
			pacer.slow_down(result.flight.sender, pg::monotonic_ms());
		/* a limit is nobody's failure: it waits as long as the message lives */
		result.how = pg::Settle::retry;
		if (asked >= 0)
			result.delay_ms = std::max(asked, least_throttle_ms);
		else if (result.outcome.code == pair_limit_code)
			result.delay_ms = 1000 * static_cast<std::int64_t>(
			                             std::pow(4, std::min(result.flight.attempt - 1, 5)));
		break;
	case Verdict::retry:
		/* an error code speaks of this message and is counted; a dead network or gateway does not
		 * and is not */
		result.how = result.outcome.has_code && result.flight.attempt >= pg::settings.max_attempts
		                 ? pg::Settle::failed
		                 : pg::Settle::retry;
		result.delay_ms = std::max(backoff, asked);
		break;
	}
	results.push_back(std::move(result));
}

bool
Dispatcher::State::start(const pg::Claimed &row, const pg::Instance &instance, Outcome &refusal)
{
	if (row.phone == nullptr || row.payload == nullptr) {
		refusal = local(Verdict::refused, "message was deleted", "");
		return false;
	}
	if (row.expired) {
		refusal =
		    local(Verdict::refused, "expired: the message was not sent within its time",
		          "See whatsapp.default_ttl, and whatsapp_attempts for what kept it from leaving.");
		return false;
	}
	Credentials &secrets = credentials_of(row.account);
	const std::string_view phone_number_id =
	    row.phone_number_id != nullptr
	        ? std::string_view(row.phone_number_id)
	        : std::string_view(secrets.phone_number_id.bytes, secrets.phone_number_id.length);
	if (secrets.token.problem[0] != '\0') {
		refusal = local(
		    Verdict::account, secrets.token.problem,
		    "The file must be a regular one of at most 4 kB, owned by the server's user or root, and writable by its owner only.");
		return false;
	}
	if (secrets.token.length == 0) {
		refusal = local(
		    Verdict::account, "no access token is set",
		    "Put it into the file access_token in whatsapp.secret_dir, or into the environment variable "
		    "WHATSAPP_ACCESS_TOKEN of the server.");
		return false;
	}
	if (!plain_id(phone_number_id)) {
		refusal = local(Verdict::account, "no valid phone number id is set",
		                "Set phone_number_id in whatsapp_senders, or the environment variable "
		                "WHATSAPP_PHONE_NUMBER_ID of the "
		                "server; it is Meta's id of the number, not the number.");
		return false;
	}

	std::string url = pg::settings.api_base_url;
	while (!url.empty() && url.back() == '/')
		url.pop_back();
	url.append("/").append(row.api_version != nullptr ? row.api_version : pg::settings.api_version);
	url.append("/").append(phone_number_id).append("/messages");
	const std::string body =
	    request_body(row.phone, callback_data(instance.nonce, row.id), row.payload);

	net::HttpRequest request;
	request.id = static_cast<std::uint64_t>(row.id);
	request.url = url;
	request.bearer_token = {secrets.token.bytes, secrets.token.length};
	request.body = body;
	if (client->start(request))
		return true;
	refusal =
	    local(Verdict::account, "the request could not be made",
	          "Check whatsapp.api_base_url, and that the access token is one line without spaces.");
	return false;
}

Dispatcher *
Dispatcher::create() noexcept
{
	try {
		auto state = std::make_unique<State>();
		state->client = net::HttpClient::create(client_options());
		if (state->client == nullptr)
			return nullptr;
		auto *dispatcher = new Dispatcher(state.get());
		(void)state.release();
		return dispatcher;
	} catch (...) {
		return nullptr;
	}
}

void
Dispatcher::reload() noexcept
{
	for (auto &entry : state_->credentials)
		entry.second.read_at = 0;
	state_->client->set_options(client_options());
}

void
Dispatcher::send(const pg::Claimed &row, const pg::Instance &instance) noexcept
{
	try {
		Flight flight{row.attempt, row.sender, pg::monotonic_ms()};
		Outcome refusal;
		/* before the bytes: an answer must always find its flight. One that is there already is of
		 * an attempt that a webhook has ended and wa_retry() has renewed; two under one id could
		 * not be told apart. */
		if (!state_->flights.emplace(row.id, flight).second) {
			refusal =
			    local(Verdict::throttle, "an earlier request for the message is still on the wire",
			          "It is sent when that one has ended.");
			state_->finish(row.id, std::move(flight), std::move(refusal));
			return;
		}
		if (state_->start(row, instance, refusal)) {
			state_->pacer.spend(flight.sender, row.per_second, 1, flight.started_ms);
			return;
		}
		state_->flights.erase(row.id);
		state_->finish(row.id, std::move(flight), std::move(refusal));
	} catch (...) {
		/* out of memory: the row stays "sending" and is doubted at the next start, which is the
		 * truth as far as anybody knows */
	}
}

void
Dispatcher::collect() noexcept
{
	state_->client->run();
	try {
		net::HttpResponse response;
		while (state_->client->take(response)) {
			const auto id = static_cast<std::int64_t>(response.id);
			const auto found = state_->flights.find(id);
			if (found == state_->flights.end())
				continue;
			Flight flight = std::move(found->second);
			state_->flights.erase(found);
			state_->pacer.correct(flight.sender, flight.started_ms,
			                      flight.started_ms + response.queued_us / 1000);
			Answer answer;
			answer.transport = response.transport;
			answer.http_status = response.status;
			answer.body = response.body;
			answer.retry_after = response.retry_after;
			answer.transport_error = response.error;
			Outcome outcome = judge(answer);
			/* a refused token may have been replaced since it was read */
			if (outcome.verdict == Verdict::account)
				for (auto &entry : state_->credentials)
					entry.second.read_at = 0;
			state_->finish(id, std::move(flight), std::move(outcome));
		}
	} catch (...) {
		/* as above */
	}
}

const pg::Settled *
Dispatcher::results(std::size_t &count) noexcept
{
	count = 0;
	try {
		std::vector<Result> &results = state_->results;
		std::sort(results.begin(), results.end(),
		          [](const Result &a, const Result &b) { return a.id < b.id; });
		state_->views.clear();
		state_->views.reserve(results.size());
		for (const Result &result : results) {
			const Outcome &outcome = result.outcome;
			state_->views.push_back({result.how, result.id, result.flight.attempt,
			                         result.flight.sender.c_str(), verdict_name(outcome.verdict),
			                         outcome.wamid.c_str(), outcome.wa_id.c_str(),
			                         outcome.user_id.c_str(), outcome.http_status, outcome.has_code,
			                         outcome.code, outcome.message.c_str(), outcome.hint.c_str(),
			                         outcome.details.c_str(), result.delay_ms});
		}
	} catch (...) {
		return nullptr;
	}
	count = state_->views.size();
	return state_->views.data();
}

void
Dispatcher::forget_results() noexcept
{
	state_->results.clear();
	state_->views.clear();
}

bool
Dispatcher::has_results() const noexcept
{
	return !state_->results.empty();
}

std::size_t
Dispatcher::in_flight() const noexcept
{
	return state_->flights.size();
}

std::size_t
Dispatcher::slots() const noexcept
{
	const bool multiplexed = !url_is_loopback_http(pg::settings.api_base_url);
	return static_cast<std::size_t>(
	    multiplexed ? pg::settings.max_in_flight
	                : std::min(pg::settings.max_in_flight, pg::settings.max_connections));
}

const pg::Allowance *
Dispatcher::allowances(std::size_t &count) noexcept
{
	count = 0;
	try {
		const std::int64_t now = pg::monotonic_ms();
		state_->allowances.clear();
		for (const auto &lane : state_->pacer.lanes())
			state_->allowances.push_back(
			    {lane.first.c_str(), state_->pacer.allowance(lane.first, now)});
	} catch (...) {
		return nullptr;
	}
	count = state_->allowances.size();
	return state_->allowances.data();
}

std::int64_t
Dispatcher::next_allowance_ms() noexcept
{
	std::int64_t next = 0;
	const std::int64_t now = pg::monotonic_ms();
	for (const auto &lane : state_->pacer.lanes()) {
		const std::int64_t at = state_->pacer.next_ms(lane.first, now);
		if (at > now && (next == 0 || at < next))
			next = at;
	}
	return next;
}

bool
Dispatcher::warming_up() const noexcept
{
	return pg::settings.messages_per_second > 0 && state_->pacer.warming_up(pg::monotonic_ms());
}

int
Dispatcher::descriptor() const noexcept
{
	return state_->client->descriptor();
}

long
Dispatcher::timeout_ms() const noexcept
{
	return state_->client->timeout_ms();
}

} // namespace whatsapp::entry
