/*
 * dispatcher.cpp — between queue and wire; no SQL, no ereport.
 */
#include "entry/sender/dispatcher.hpp"

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

#include "core/message/message.hpp"
#include "core/answer/outcome.hpp"
#include "core/answer/retry.hpp"
#include "core/base/url.hpp"
#include "net/client/http_thread.hpp"
#include "entry/sender/line.hpp"
#include "pg/identity/instance.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/secrets.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t secret_age_ms = 1000;
constexpr std::int64_t first_pause_ms = 30000;
/* a Retry-After of 0 must not make a hot loop */
constexpr std::int64_t least_throttle_ms = 1000;
constexpr long long pair_limit_code = 131056;

struct Flight {
	int attempt;
	pg::RowAddress queue_row;
	pg::RowAddress message_row;
	const char *sender; /* lives as long as the line */
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
	bool pair_limit = false;
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
	Line *line;
	net::HttpThread *client;
	std::unordered_map<std::int64_t, Flight> flights;
	std::vector<Result> results;
	std::size_t told = 0; /* of them, to the line */
	std::vector<pg::Settled> views;
	std::map<std::string, Credentials> credentials;
	std::minstd_rand random{std::random_device{}()};

	Credentials &credentials_of(const std::string &account);
	void read_credentials(const std::string &account, Credentials &secrets);
	void finish(std::int64_t id, const Flight &flight, Outcome outcome);
	void finish(std::int64_t id, const Flight &flight, const Answer &answer);
	bool start(const pg::Claimed &row, const pg::Instance &instance, Outcome &refusal);
};

Credentials &
Dispatcher::State::credentials_of(const std::string &account)
{
	Credentials &found = credentials[account];
	/* files are small and the page cache holds them: a rotated token is in use within a second,
	 * without any signal */
	if (found.read_at == 0 || pg::monotonic_ms() - found.read_at > secret_age_ms)
		read_credentials(account, found);
	return found;
}

void
Dispatcher::State::read_credentials(const std::string &account, Credentials &secrets)
{
	const char *folder = account.empty() ? nullptr : account.c_str();
	pg::read_secret(folder, "access_token", secrets.token);
	pg::read_secret(folder, "phone_number_id", secrets.phone_number_id);
	secrets.read_at = pg::monotonic_ms();
}

void
Dispatcher::State::finish(std::int64_t id, const Flight &flight, Outcome outcome)
{
	Result result{id, flight, std::move(outcome), pg::Settle::unknown, 0};
	const std::int64_t asked = result.outcome.retry_after_ms;
	const bool pair_limit = result.outcome.has_code && result.outcome.code == pair_limit_code;
	result.delay_ms = retry_delay_ms(RetryPolicy(), flight.attempt,
	                                 std::uniform_real_distribution<double>(0, 1)(random));
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
		/* a limit is nobody's failure: it waits as long as the message lives */
		result.how = pg::Settle::retry;
		if (asked >= 0)
			result.delay_ms = std::max(asked, least_throttle_ms);
		else if (pair_limit)
			result.delay_ms =
			    1000 * static_cast<std::int64_t>(std::pow(4, std::min(flight.attempt - 1, 5)));
		break;
	case Verdict::retry:
		/* an error code speaks of this message and is counted; a dead network or gateway does not
		 * and is not */
		result.how = result.outcome.has_code && flight.attempt >= pg::settings.max_attempts
		                 ? pg::Settle::failed
		                 : pg::Settle::retry;
		result.delay_ms = std::max(result.delay_ms, asked);
		break;
	}
	result.pair_limit = pair_limit;
	results.push_back(std::move(result));
}

void
Dispatcher::State::finish(std::int64_t id, const Flight &flight, const Answer &answer)
{
	Outcome outcome = judge(answer);
	/* a refused token may have been replaced since it was read */
	if (outcome.verdict == Verdict::account)
		for (auto &entry : credentials)
			entry.second.read_at = 0;
	finish(id, flight, std::move(outcome));
	Result &result = results.back();
	result.delay_ms = line->heard(id, flight.started_ms, answer, result.outcome, result.delay_ms);
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
	if (row.opted_out) {
		refusal = local(Verdict::refused, "recipient has opted out",
		                "Once the recipient has agreed to messages again, call wa_opt_in(), then "
		                "wa_retry().");
		return false;
	}
	const Route *route = line->route_of(row.id);
	if (route == nullptr || !route->allowed) {
		refusal = local(Verdict::account, "the account's base URL is not allowed",
		                "List it in whatsapp.account_base_urls, or clear api_base_url in "
		                "whatsapp_accounts.");
		return false;
	}
	Credentials &secrets = credentials_of(route->account);
	const std::string_view phone_number_id =
	    !route->phone_number_id.empty()
	        ? std::string_view(route->phone_number_id)
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

	std::string url = route->base_url;
	url.append("/").append(route->api_version.empty() ? pg::settings.api_version
	                                                  : route->api_version);
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
Dispatcher::create(Line &line) noexcept
{
	try {
		auto state = std::make_unique<State>();
		state->line = &line;
		state->client = net::HttpThread::create(client_options());
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
Dispatcher::get_ready() noexcept
{
	try {
		const std::int64_t now = pg::monotonic_ms();
		for (auto &entry : state_->credentials)
			if (now - entry.second.read_at > secret_age_ms / 2)
				state_->read_credentials(entry.first, entry.second);
	} catch (...) {
		/* no memory: they are read when they are needed */
	}
}

void
Dispatcher::send(const pg::Claimed &row, const pg::Instance &instance) noexcept
{
	try {
		const Flight flight{row.attempt, row.queue_row, row.message_row,
		                    state_->line->sender_of(row.id), pg::monotonic_ms()};
		Outcome refusal;
		/* before the bytes: an answer must always find its flight */
		state_->flights.insert_or_assign(row.id, flight);
		if (state_->start(row, instance, refusal)) {
			state_->line->leaves(row.id, flight.started_ms);
			return;
		}
		state_->flights.erase(row.id);
		state_->finish(row.id, flight, std::move(refusal));
	} catch (...) {
		/* out of memory: the row stays "sending" and is doubted at the next start, which is the
		 * truth as far as anybody knows */
	}
}

void
Dispatcher::collect() noexcept
{
	try {
		net::HttpResponse response;
		while (state_->client->take(response)) {
			const auto id = static_cast<std::int64_t>(response.id);
			const auto found = state_->flights.find(id);
			if (found == state_->flights.end())
				continue;
			const Flight flight = found->second;
			state_->flights.erase(found);
			state_->line->left(id, flight.started_ms,
			                   flight.started_ms + response.queued_us / 1000);
			Answer answer;
			answer.transport = response.transport;
			answer.http_status = response.status;
			answer.body = response.body;
			answer.retry_after = response.retry_after;
			answer.usage = response.usage;
			answer.transport_error = response.error;
			state_->finish(id, flight, answer);
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
			state_->views.push_back(
			    {result.how, result.id, result.flight.queue_row, result.flight.message_row,
			     result.flight.attempt, result.flight.sender, verdict_name(outcome.verdict),
			     outcome.wamid.c_str(), outcome.wa_id.c_str(), outcome.user_id.c_str(),
			     outcome.http_status, outcome.has_code, outcome.code, outcome.message.c_str(),
			     outcome.hint.c_str(), outcome.details.c_str(), result.delay_ms});
		}
	} catch (...) {
		return nullptr;
	}
	count = state_->views.size();
	return state_->views.data();
}

void
Dispatcher::tell_ends() noexcept
{
	for (std::size_t i = state_->told; i < state_->results.size(); i++) {
		const Result &result = state_->results[i];
		state_->line->ended(result.id, result.how, result.pair_limit, result.delay_ms);
	}
	state_->told = state_->results.size();
}

void
Dispatcher::forget_results() noexcept
{
	state_->told = 0;
	state_->results.clear();
	state_->views.clear();
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

std::size_t
Dispatcher::slots() const noexcept
{
	const bool multiplexed = !url_is_loopback_http(pg::settings.api_base_url);
	return static_cast<std::size_t>(
	    multiplexed ? pg::settings.max_in_flight
	                : std::min(pg::settings.max_in_flight, pg::settings.max_connections));
}

int
Dispatcher::descriptor() const noexcept
{
	return state_->client->descriptor();
}

void
Dispatcher::stop() noexcept
{
	state_->client->stop();
}

} // namespace whatsapp::entry
