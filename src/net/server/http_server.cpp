/*
 * http_server.cpp — the functions that the owner of the server calls.
 */
#include "net/server/http_server.hpp"

#include "net/server/request_intake.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr int max_rounds = 16; /* turns in one serve_ready() */

long
sooner_deadline(long one_ms, long other_ms) noexcept
{
	if (one_ms < 0 || other_ms < 0)
		return std::max(one_ms, other_ms);
	return std::min(one_ms, other_ms);
}

} // namespace

struct HttpServer::State final : RequestIntake {
};

HttpServer *
HttpServer::create(const HttpServerOptions &options, const char *&error) noexcept
{
	error = "out of memory";
	State *state = new (std::nothrow) State;
	if (state && state->open_server(options, error))
		if (auto *server = new (std::nothrow) HttpServer(state)) {
			error = nullptr;
			return server;
		}
	delete state;
	return nullptr;
}

HttpServer::~HttpServer()
{
	delete state_;
}

void
HttpServer::set_options(const HttpServerOptions &options) noexcept
{
	state_->take_limits(options);
	state_->progress = true; /* there may be room for who waits at the door */
}

bool
HttpServer::move_address(const char *address, const char *&error) noexcept
{
	return state_->move_address(address, error);
}

int
HttpServer::descriptor() const noexcept
{
	return state_->epoll;
}

long
HttpServer::timeout_ms() const noexcept
{
	if (state_->progress || state_->ready.front() || !state_->runnable.empty())
		return 0;
	return sooner_deadline(state_->watch.timeout_ms(), state_->acceptor.timeout_ms());
}

void
HttpServer::serve_ready() noexcept
{
	for (int round = 0; round < max_rounds; round++) {
		state_->run_turn();
		if (!state_->progress)
			return;
	}
}

bool
HttpServer::has_request() const noexcept
{
	return state_->ready.front() != nullptr;
}

bool
HttpServer::take_request(IncomingRequest &request) noexcept
{
	Exchange *exchange = state_->ready.front();
	if (!exchange)
		return false;
	state_->ready.remove_exchange(*exchange);
	const std::uint64_t id = exchange->request.id;
	request = std::move(exchange->request);
	exchange->request.id = id;
	return true;
}

void
HttpServer::send_reply(std::uint64_t id, unsigned status, const char *content_type,
                       std::string_view body, ReplyHeader header) noexcept
{
	const auto found = state_->whole.find(id);
	if (found == state_->whole.end())
		return;
	Connection &connection = *found->second;
	Exchange &exchange = *connection.exchange;
	state_->whole.erase(found);
	state_->ready.remove_exchange(exchange);
	try {
		exchange.set_answer(status, content_type, body, header);
		exchange.answered = true;
		state_->wake_connection(connection);
	} catch (const std::exception &) {
		state_->close_connection(connection); /* out of memory; the client tries again */
	}
}

std::uint64_t
HttpServer::refused_count() const noexcept
{
	return state_->refused;
}

unsigned
HttpServer::port() const noexcept
{
	return state_->acceptor.port();
}

} // namespace whatsapp::net
