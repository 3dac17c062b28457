/*
 * inbox.cpp — from request to events; the signature over the raw bytes comes before any parsing.
 */
#include "entry/inbox.hpp"

#include <cstdint>
#include <deque>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"
#include "core/outcome.hpp"
#include "core/signature.hpp"
#include "core/webhook.hpp"
#include "net/http_server.hpp"
#include "pg/reading.hpp"
#include "pg/secrets.hpp"
#include "pg/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::string_view webhook_path = "/api/v1/whatsapp/webhook";
constexpr std::string_view health_path = "/healthz";
constexpr char text_plain[] = "text/plain; charset=utf-8";
constexpr std::int64_t secret_age_ms = 1000;
/* commits stay short, and a shutdown does not wait for a flood */
constexpr std::size_t max_batch = 256;

struct Secrets {
	pg::Secret app_secret = {};
	pg::Secret app_secret_previous = {};
	pg::Secret verify_token = {};
	std::int64_t read_at = 0;
};

std::string_view
bytes(const pg::Secret &secret) noexcept
{
	return {secret.bytes, secret.length};
}

/* One delivery and all that its views point into. */
struct Held {
	std::uint64_t request = 0;
	std::string body;
	std::vector<WebhookEvent> events;
	std::vector<Outcome> failures;
	std::vector<std::string> nonces;
	std::vector<pg::Event> views;
	bool quarantined = false;
};

pg::Event
view_of(const WebhookEvent &event, const Outcome &failure, std::string &nonce)
{
	pg::Event view = pg::view_of(event, failure);
	std::string_view ours;
	long long id = 0;
	if (parse_callback_data(event.callback_data, ours, id)) {
		nonce.assign(ours);
		view.nonce = nonce.c_str();
		view.message_id = id;
	}
	return view;
}

void
interpret(Held &held)
{
	try {
		held.events = parse_webhook(held.body);
	} catch (const std::bad_alloc &) {
		throw;
	} catch (...) {
		held.quarantined = true;
		return;
	}
	const std::size_t count = held.events.size();
	held.failures.resize(count);
	held.nonces.resize(count);
	held.views.reserve(count);
	for (std::size_t i = 0; i < count; i++) {
		if (held.events[i].status == "failed")
			held.failures[i] = judge_failed_status(held.events[i].errors);
		held.views.push_back(view_of(held.events[i], held.failures[i], held.nonces[i]));
	}
}

} // namespace

struct Inbox::State {
	net::HttpServer *server;
	Secrets secrets;
	std::deque<Held> held; /* a deque: views into its elements must survive growth */
	std::vector<Delivery> deliveries;
	unsigned refused = 0;

	const Secrets &fresh_secrets() noexcept;
	void receive(net::IncomingRequest &request);
	void handshake(const net::IncomingRequest &request) noexcept;
	void deliver(net::IncomingRequest &request);
};

const Secrets &
Inbox::State::fresh_secrets() noexcept
{
	const std::int64_t now = pg::monotonic_ms();
	if (secrets.read_at == 0 || now - secrets.read_at > secret_age_ms) {
		pg::read_secret(nullptr, "app_secret", secrets.app_secret);
		pg::read_secret(nullptr, "app_secret_previous", secrets.app_secret_previous);
		pg::read_secret(nullptr, "verify_token", secrets.verify_token);
		secrets.read_at = now;
	}
	return secrets;
}

void
Inbox::State::handshake(const net::IncomingRequest &request) noexcept
{
	if (subscription_matches(request.hub_mode, request.hub_token,
	                         bytes(fresh_secrets().verify_token)))
		server->reply(request.id, 200, text_plain, request.hub_challenge);
	else {
		refused++;
		server->reply(request.id, 403, text_plain, "verification failed\n");
	}
}

void
Inbox::State::deliver(net::IncomingRequest &request)
{
	const Secrets &known = fresh_secrets();
	if (!signature_matches(request.signature, request.body, bytes(known.app_secret)) &&
	    !signature_matches(request.signature, request.body, bytes(known.app_secret_previous))) {
		refused++;
		server->reply(request.id, 401, text_plain, "signature missing or wrong\n");
		return;
	}
	held.emplace_back();
	try {
		held.back().request = request.id;
		held.back().body = std::move(request.body);
		interpret(held.back());
	} catch (...) {
		held.pop_back();
		throw;
	}
}

void
Inbox::State::receive(net::IncomingRequest &request)
{
	if (request.path == health_path && request.method == "GET")
		server->reply(request.id, 200, text_plain, "ok\n");
	else if (request.path != webhook_path)
		server->reply(request.id, 404, text_plain, "not found\n");
	else if (request.method == "GET")
		handshake(request);
	else if (request.method == "POST")
		deliver(request);
	else
		server->reply(request.id, 405, text_plain, "method not allowed\n");
}

Inbox *
Inbox::create(const char *address, const char *&error) noexcept
{
	try {
		net::HttpServerOptions options;
		options.address = address;
		net::HttpServer *server = net::HttpServer::create(options, error);
		if (server == nullptr)
			return nullptr;
		auto *state = new State{};
		state->server = server;
		return new Inbox(state);
	} catch (...) {
		error = "out of memory";
		return nullptr;
	}
}

void
Inbox::reload() noexcept
{
	state_->secrets.read_at = 0;
}

void
Inbox::run() noexcept
{
	state_->server->run();
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

const Inbox::Delivery *
Inbox::take(std::size_t &count) noexcept
{
	State &state = *state_;
	state.held.clear();
	state.deliveries.clear();
	count = 0;
	net::IncomingRequest request;
	try {
		state.deliveries.reserve(max_batch);
		while (state.held.size() < max_batch && state.server->take(request)) {
			try {
				state.receive(request);
			} catch (...) {
				state.server->reply(request.id, 503, text_plain, "out of memory\n");
			}
		}
	} catch (...) {
		return nullptr;
	}
	for (const Held &held : state.held)
		state.deliveries.push_back({held.quarantined ? nullptr : held.views.data(),
		                            held.views.size(), held.body.data(), held.body.size()});
	count = state.deliveries.size();
	return state.deliveries.data();
}

unsigned
Inbox::take_refused() noexcept
{
	const unsigned refused = state_->refused;
	state_->refused = 0;
	return refused;
}

void
Inbox::accept(std::size_t index) noexcept
{
	state_->server->reply(state_->held[index].request, 200, text_plain, "");
}

void
Inbox::defer(std::size_t index) noexcept
{
	state_->server->reply(state_->held[index].request, 503, text_plain, "try again\n");
}

} // namespace whatsapp::entry
