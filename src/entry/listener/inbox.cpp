/*
 * inbox.cpp — from request to events; the signature over the raw bytes comes before any parsing.
 */
#include "entry/listener/inbox.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/webhook/endpoint.hpp"
#include "core/message/message.hpp"
#include "core/answer/outcome.hpp"
#include "core/webhook/signature.hpp"
#include "core/webhook/webhook.hpp"
#include "net/server/http_server.hpp"
#include "pg/webhooks/event_reading.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/worker.hpp"

#include "entry/listener/keyring.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr char text_plain[] = "text/plain; charset=utf-8";
constexpr net::ReplyHeader come_again = {"Retry-After", "1"};
/* commits stay short, and a shutdown does not wait for a flood */
constexpr std::size_t max_batch = 256;
/* of deliveries that came by SQL, so much is taken in one batch */
constexpr std::size_t max_admitted_bytes = 16 << 20;
/* so much is digested for signatures before others are served: it takes some 50 ms */
constexpr std::size_t max_digested_bytes = 8 << 20;

/* One delivery and all that its views point into. */
struct OpenDelivery {
	std::uint64_t request = 0;
	std::string body;
	std::vector<WebhookEvent> events;
	std::vector<Outcome> failures;
	std::vector<pg::Event> views;
	Inbox::BodyVerdict verdict = Inbox::BodyVerdict::good;
	bool is_cut = false;
	std::int64_t row = 0;
	/* copied from the Keyring::Signer: secrets may be read again before the events are stored */
	std::string signer;
	std::string signed_for;
};

/* An event, with the id that we gave the message if it brings that back. */
pg::Event
make_correlated_event(const WebhookEvent &event, const Outcome &failure)
{
	pg::Event made = pg::make_event(event, failure);
	Correlation correlation;
	if (parse_callback_data(event.callback_data, correlation)) {
		made.nonce = correlation.nonce;
		made.message_id = correlation.id;
		made.made_at = correlation.made_at;
	}
	return made;
}

void
read_delivery(OpenDelivery &held)
{
	try {
		WebhookDelivery delivery = read_webhook(held.body);
		held.events = std::move(delivery.events);
		held.is_cut = delivery.is_cut;
	} catch (const std::bad_alloc &) {
		throw;
	} catch (...) {
		held.verdict = Inbox::BodyVerdict::malformed;
		return;
	}
	const std::size_t count = held.events.size();
	held.failures.resize(count);
	held.views.reserve(count);
	for (std::size_t i = 0; i < count; i++) {
		if (held.events[i].status == "failed")
			held.failures[i] = judge_failed_status(held.events[i].errors);
		/* without the signer in its key, an item that somebody else had signed before would keep
		 * this one out as a repeat */
		if (!held.signer.empty())
			held.events[i].dedupe_key += '|' + held.signer;
		held.views.push_back(make_correlated_event(held.events[i], held.failures[i]));
		held.views.back().signed_for = held.signed_for;
	}
}

} // namespace

struct Inbox::State {
	net::HttpServer *server = nullptr;
	Keyring keyring;
	std::deque<OpenDelivery> held; /* a deque: views into its elements must survive growth */
	std::vector<Delivery> deliveries;
	std::size_t admitted_bytes = 0;
	Refused refused = {};
	std::uint64_t requests_told = 0;

	void receive_request(net::IncomingRequest &request);
	void answer_handshake(const net::IncomingRequest &request, std::string_view account) noexcept;
	void receive_delivery(net::IncomingRequest &request, std::string_view account);
	void refuse_method(const net::IncomingRequest &request, const char *allowed) noexcept;
};

namespace
{

net::HttpServerOptions
server_options() noexcept
{
	const pg::Settings &set = pg::settings;
	net::HttpServerOptions options;
	options.address = nullptr;
	options.max_body_bytes = static_cast<std::size_t>(set.listen_max_body) << 10;
	options.max_buffered_bytes = static_cast<std::size_t>(set.listen_max_buffered) << 10;
	options.max_connections = static_cast<unsigned>(set.listen_max_connections);
	options.request_timeout_ms = set.listen_request_timeout;
	options.idle_timeout_ms = set.listen_idle_timeout;
	return options;
}

} // namespace

void
Inbox::State::answer_handshake(const net::IncomingRequest &request,
                               std::string_view account) noexcept
{
	if (keyring.token_matches(account, request.hub_mode, request.hub_token))
		server->send_reply(request.id, 200, text_plain, request.hub_challenge);
	else {
		refused.tokens++;
		pg::count_taken(Taken::bad_token);
		server->send_reply(request.id, 403, text_plain, "verification failed\n");
	}
}

void
Inbox::State::receive_delivery(net::IncomingRequest &request, std::string_view account)
{
	const Keyring::Signer *signer = keyring.find_signer(account, request.signature, request.body);
	if (signer == nullptr) {
		if (keyring.is_unsure()) {
			server->send_reply(request.id, 503, text_plain, "try again\n", come_again);
			return;
		}
		refused.signatures++;
		pg::count_taken(Taken::bad_signature);
		server->send_reply(request.id, 401, text_plain, "signature missing or wrong\n");
		return;
	}
	held.emplace_back();
	try {
		held.back().request = request.id;
		held.back().body = std::move(request.body);
		held.back().signer = signer->owner;
		held.back().signed_for = signer->signed_for;
		read_delivery(held.back());
	} catch (...) {
		held.pop_back();
		throw;
	}
}

void
Inbox::State::refuse_method(const net::IncomingRequest &request, const char *allowed) noexcept
{
	server->send_reply(request.id, 405, text_plain, "method not allowed\n", {"Allow", allowed});
}

void
Inbox::State::receive_request(net::IncomingRequest &request)
{
	std::string_view account;
	const Endpoint endpoint = endpoint_of(request.path, account);
	if (endpoint == Endpoint::health) {
		if (request.method == "GET" || request.method == "HEAD")
			server->send_reply(request.id, 200, text_plain, "ok\n");
		else
			refuse_method(request, "GET, HEAD");
	} else if (endpoint == Endpoint::none || !keyring.knows_account(account))
		server->send_reply(request.id, 404, text_plain, right_path_text());
	else if (request.method == "GET")
		answer_handshake(request, account);
	else if (request.method == "POST")
		receive_delivery(request, account);
	else
		refuse_method(request, "GET, POST");
}

Inbox *
Inbox::create(const char *&error) noexcept
{
	try {
		auto state = std::make_unique<State>();
		state->server = net::HttpServer::create(server_options(), error);
		return state->server == nullptr ? nullptr : new Inbox(state.release());
	} catch (...) {
		error = "out of memory";
		return nullptr;
	}
}

bool
Inbox::bind_address(const char *address, const char *&error) noexcept
{
	return state_->server->move_address(*address == '\0' ? nullptr : address, error);
}

void
Inbox::reload_settings() noexcept
{
	state_->server->set_options(server_options());
	state_->keyring.expire_secrets();
}

bool
Inbox::secrets_are_stale() const noexcept
{
	return state_->keyring.secrets_are_stale();
}

void
Inbox::learn_secrets(const char *const *names, std::size_t count) noexcept
{
	try {
		state_->keyring.read_secrets(names, count);
	} catch (...) {
		/* out of memory: what is known now has to do for a second */
	}
}

void
Inbox::learn_ids(const pg::AccountId *ids, std::size_t count) noexcept
{
	try {
		state_->keyring.learn_ids(ids, count);
	} catch (...) {
		/* out of memory: then more secrets are tried */
	}
}

void
Inbox::learn_secrets_again() noexcept
{
	try {
		state_->keyring.read_secrets_again();
	} catch (...) {
		/* as above */
	}
}

bool
Inbox::can_verify() const noexcept
{
	return state_->keyring.can_verify();
}

const char *
Inbox::secret_problem() const noexcept
{
	return state_->keyring.problem();
}

bool
Inbox::token_digest_matches(const char *digest, std::size_t length) const noexcept
{
	return state_->keyring.digest_matches({digest, length});
}

void
Inbox::serve_requests() noexcept
{
	state_->server->serve_ready();
}

int
Inbox::descriptor() const noexcept
{
	return state_->server->descriptor();
}

long
Inbox::timeout_ms() const noexcept
{
	return state_->server->timeout_ms();
}

bool
Inbox::has_request() const noexcept
{
	return state_->server->has_request();
}

bool
Inbox::admit_delivery(const pg::WaitingDelivery &delivery) noexcept
{
	State &state = *state_;
	if (!state.held.empty() && state.admitted_bytes + delivery.body_size > max_admitted_bytes)
		return false;
	try {
		/* filled in where it will stay: the views point into it */
		state.held.emplace_back();
	} catch (...) {
		return false;
	}
	try {
		OpenDelivery &held = state.held.back();
		held.row = delivery.id;
		const std::string_view body(delivery.body, delivery.body_size);
		const Keyring::Signer *signer = state.keyring.find_signer("", delivery.signature, body);
		if (signer == nullptr) {
			if (state.keyring.is_unsure()) {
				state.held.pop_back();
				return false;
			}
			held.verdict = BodyVerdict::forged;
			state.refused.signatures++;
			pg::count_taken(Taken::bad_signature);
		} else {
			held.signer = signer->owner;
			held.signed_for = signer->signed_for;
			held.body.assign(body);
			if (delivery.poisonous)
				held.verdict = BodyVerdict::poisonous;
			else
				read_delivery(held);
		}
		/* a forgery may have cost more than it weighs */
		state.admitted_bytes += std::max(delivery.body_size, state.keyring.take_digested_bytes());
		return true;
	} catch (...) {
		state.held.pop_back();
		return false;
	}
}

const Inbox::Delivery *
Inbox::take_deliveries(std::size_t &count) noexcept
{
	State &state = *state_;
	count = 0;
	net::IncomingRequest request;
	try {
		state.deliveries.reserve(state.held.size() + max_batch);
		std::size_t digested = 0;
		for (std::size_t taken = 0; taken < max_batch && digested < max_digested_bytes &&
		                            state.server->take_request(request);
		     taken++, digested += state.keyring.take_digested_bytes()) {
			try {
				state.receive_request(request);
			} catch (...) {
				state.server->send_reply(request.id, 503, text_plain, "out of memory\n",
				                         come_again);
			}
		}
	} catch (...) {
		return nullptr;
	}
	for (const OpenDelivery &held : state.held)
		state.deliveries.push_back({held.verdict, held.is_cut, held.views.data(), held.views.size(),
		                            held.body.data(), held.body.size(), held.row});
	count = state.deliveries.size();
	return state.deliveries.data();
}

void
Inbox::finish_deliveries() noexcept
{
	state_->held.clear();
	state_->deliveries.clear();
	state_->admitted_bytes = 0;
}

Inbox::Refused
Inbox::take_refused() noexcept
{
	State &state = *state_;
	Refused refused = state.refused;
	const std::uint64_t requests = state.server->refused_count();
	refused.requests = requests - state.requests_told;
	state.requests_told = requests;
	state.refused = {};
	return refused;
}

void
Inbox::accept_delivery(std::size_t index) noexcept
{
	const OpenDelivery &delivery = state_->held[index];
	if (delivery.verdict != BodyVerdict::forged)
		pg::count_taken(delivery.verdict == BodyVerdict::good ? Taken::stored : Taken::malformed);
	state_->server->send_reply(delivery.request, 200, text_plain, "");
}

void
Inbox::defer_delivery(std::size_t index) noexcept
{
	pg::count_taken(Taken::deferred);
	state_->server->send_reply(state_->held[index].request, 503, text_plain, "try again\n",
	                           come_again);
}

} // namespace whatsapp::entry
