/*
 * http_server.cpp — connections in, whole requests out, answers back.
 *
 * libmicrohttpd runs without threads, listening socket, TLS or suspended connections: this file
 * accepts, so that limits can change and a full house leaves newcomers in the backlog. While a
 * request is with its owner, libmicrohttpd calls the handler again at every turn and is told to go
 * on; that is cheap, and reaches none of the code that its releases of 2026 had to repair.
 */
#include "net/server/http_server.hpp"

#include "net/server/acceptor.hpp"
#include "net/server/connection_watch.hpp"
#include "net/server/exchange.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <unordered_map>
#include <utility>

#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

using Phase = WatchedConnection::Phase;

constexpr int max_rounds = 16;       /* turns of libmicrohttpd in one run() */
constexpr unsigned max_accepts = 16; /* in one turn */
constexpr long owner_poll_ms = 5;    /* see timeout_ms() */
constexpr unsigned unavailable = 503;

unsigned
whole_seconds(long ms) noexcept
{
	return static_cast<unsigned>(std::clamp((ms + 999) / 1000, 1L, 86400L));
}

long
sooner(long one_ms, long other_ms) noexcept
{
	if (one_ms < 0 || other_ms < 0)
		return std::max(one_ms, other_ms);
	return std::min(one_ms, other_ms);
}

} // namespace

struct HttpServer::State {
	HttpServerOptions options;
	long first_idle_timeout_ms = 0;
	Acceptor acceptor;
	MHD_Daemon *daemon = nullptr;
	int epoll = -1;
	ConnectionWatch watch;
	BodyBudget budget;
	std::unordered_map<std::uint64_t, Exchange *> whole; /* ready to be taken, or taken */
	ReadyList ready;
	std::uint64_t last_id = 0;
	std::uint64_t refused = 0;
	std::size_t unsent = 0; /* answers that libmicrohttpd has not fetched yet */
	bool progress = false;  /* in the last turn: there may be more to do at once */

	State() = default;
	State(const State &) = delete;
	State &operator=(const State &) = delete;
	~State();

	bool open(const HttpServerOptions &wanted, const char *&error) noexcept;
	bool move_to(const char *address, const char *&error) noexcept;
	bool start_daemon(const HttpServerOptions &wanted) noexcept;
	void take_limits(const HttpServerOptions &wanted) noexcept;
	bool has_room() const noexcept;
	void accept_some() noexcept;
	long daemon_timeout_ms() const noexcept;

	bool step(Exchange &exchange, MHD_Connection *handle, const char *url, const char *method,
	          std::string_view data);
	void complete(Exchange &exchange) noexcept;
	void count(Exchange &exchange) noexcept;
	void end(Exchange &exchange) noexcept;

	static void on_connection(void *self, MHD_Connection *handle, void **context,
	                          MHD_ConnectionNotificationCode code) noexcept;
	static void *on_request_line(void *self, const char *uri, MHD_Connection *handle) noexcept;
	static MHD_Result on_request(void *self, MHD_Connection *handle, const char *url,
	                             const char *method, const char *version, const char *data,
	                             std::size_t *size, void **context) noexcept;
	static void on_completed(void *self, MHD_Connection *handle, void **context,
	                         MHD_RequestTerminationCode code) noexcept;
};

HttpServer::State::~State()
{
	if (daemon)
		MHD_stop_daemon(daemon); /* ends every exchange and connection through the callbacks */
	if (epoll >= 0)
		close(epoll);
}

bool
HttpServer::State::open(const HttpServerOptions &wanted, const char *&error) noexcept
{
	take_limits(wanted);
	if (!start_daemon(wanted)) {
		error = "could not start the HTTP server: out of memory or descriptors";
		return false;
	}
	acceptor.attach(epoll);
	return acceptor.move_to(wanted.address, error);
}

/* Who has connected to the old address already is still let in, as far as there is room. */
bool
HttpServer::State::move_to(const char *address, const char *&error) noexcept
{
	do {
		progress = false;
		accept_some();
	} while (progress);
	progress = true; /* whoever came in last has not been looked at yet */
	return acceptor.move_to(address, error);
}

bool
HttpServer::State::start_daemon(const HttpServerOptions &wanted) noexcept
{
	first_idle_timeout_ms = wanted.idle_timeout_ms;
	/* The headers lie in this memory beside libmicrohttpd's records of them. It is fixed per
	 * daemon: a max_header_bytes raised later is reached in full after a restart. */
	const std::size_t memory = wanted.max_header_bytes * 2 + (16 << 10);
	daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &on_request, this,
	    MHD_OPTION_CONNECTION_LIMIT, 1u << 20, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
	    MHD_OPTION_CONNECTION_TIMEOUT, whole_seconds(wanted.idle_timeout_ms),
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, &on_request_line, this,
	    MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this, MHD_OPTION_NOTIFY_CONNECTION,
	    &on_connection, this, MHD_OPTION_END);
	const MHD_DaemonInfo *info =
	    daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
	epoll = info ? epoll_create1(EPOLL_CLOEXEC) : -1;
	epoll_event event{};
	event.events = EPOLLIN;
	return epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0;
}

void
HttpServer::State::take_limits(const HttpServerOptions &wanted) noexcept
{
	options = wanted;
	options.address = nullptr; /* its text is the caller's */
	budget.limit = wanted.max_buffered_bytes;
	watch.set_limits(wanted.request_timeout_ms, wanted.idle_timeout_ms);
}

bool
HttpServer::State::has_room() const noexcept
{
	return watch.size() < options.max_connections;
}

void
HttpServer::State::accept_some() noexcept
{
	for (unsigned i = 0; i < max_accepts && has_room() && !acceptor.pausing(); i++) {
		sockaddr_storage address{};
		socklen_t size;
		const int fd = acceptor.accept(address, size);
		if (fd < 0)
			break;
		/* closes the descriptor when it fails */
		MHD_add_connection(daemon, fd, reinterpret_cast<sockaddr *>(&address), size);
		progress = true;
	}
	acceptor.keep_open(has_room() && !acceptor.pausing());
}

void
HttpServer::State::on_connection(void *self, MHD_Connection *handle, void **context,
                                 MHD_ConnectionNotificationCode code) noexcept
{
	State &state = *static_cast<State *>(self);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (auto *connection = static_cast<WatchedConnection *>(*context)) {
			/* libmicrohttpd does not tell of the end of a request whose query breaks its memory */
			if (connection->exchange) {
				state.refused++;
				state.end(*connection->exchange);
			}
			state.watch.remove(connection);
		}
		*context = nullptr;
		state.progress = true; /* there may be room for another one */
		return;
	}
	const auto *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = info ? state.watch.add(info->connect_fd) : nullptr;
	if (state.options.idle_timeout_ms != state.first_idle_timeout_ms)
		MHD_set_connection_option(handle, MHD_CONNECTION_OPTION_TIMEOUT,
		                          whole_seconds(state.options.idle_timeout_ms));
}

/* The earliest word of a request. */
void *
HttpServer::State::on_request_line(void *self, const char *, MHD_Connection *handle) noexcept
{
	State &state = *static_cast<State *>(self);
	const auto *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	auto *connection = info ? static_cast<WatchedConnection *>(info->socket_context) : nullptr;
	if (!connection)
		return nullptr; /* on_request() closes it */
	state.progress = true;
	state.watch.enter(*connection, Phase::reading);
	if (connection->exchange)
		state.end(*connection->exchange);
	connection->exchange = new (std::nothrow) Exchange(*connection, state.budget);
	return connection->exchange;
}

MHD_Result
HttpServer::State::on_request(void *self, MHD_Connection *handle, const char *url,
                              const char *method, const char *, const char *data, std::size_t *size,
                              void **context) noexcept
{
	State &state = *static_cast<State *>(self);
	auto *exchange = static_cast<Exchange *>(*context);
	if (!exchange)
		return MHD_NO;
	const std::string_view body(data ? data : "", data ? *size : 0);
	*size = 0;
	try {
		const bool go_on = state.step(*exchange, handle, url, method, body);
		state.count(*exchange);
		return go_on ? MHD_YES : MHD_NO;
	} catch (const std::exception &) {
		return MHD_NO; /* out of memory: closed, and the sender tries again */
	}
}

/* One call of libmicrohttpd's: the head, a piece of the body, or (again and again) the end. False
 * closes the connection. */
bool
HttpServer::State::step(Exchange &exchange, MHD_Connection *handle, const char *url,
                        const char *method, std::string_view data)
{
	if (!exchange.has_head) {
		progress = true;
		return exchange.begin(handle, options, url, method);
	}
	if (!data.empty()) {
		progress = true;
		return exchange.absorb(data, options.max_body_bytes);
	}
	if (!exchange.whole)
		complete(exchange);
	if (!exchange.refusal && !exchange.answered)
		return true; /* still with its owner */
	unsent -= exchange.answered ? 1 : 0;
	progress = true;
	watch.enter(exchange.connection, Phase::writing);
	return exchange.send(handle);
}

void
HttpServer::State::complete(Exchange &exchange) noexcept
{
	exchange.whole = true;
	progress = true;
	if (exchange.refusal)
		return;
	try {
		whole.emplace(last_id + 1, &exchange);
	} catch (const std::exception &) {
		exchange.refuse(unavailable);
		return;
	}
	exchange.request.id = ++last_id;
	watch.enter(exchange.connection, Phase::waiting);
	ready.push(exchange);
}

void
HttpServer::State::count(Exchange &exchange) noexcept
{
	if (exchange.refusal && !exchange.counted) {
		exchange.counted = true;
		refused++;
	}
}

void
HttpServer::State::on_completed(void *self, MHD_Connection *, void **context,
                                MHD_RequestTerminationCode code) noexcept
{
	State &state = *static_cast<State *>(self);
	auto *exchange = static_cast<Exchange *>(*context);
	*context = nullptr;
	if (!exchange)
		return;
	state.progress = true;
	/* libmicrohttpd turned it away by itself (malformed, or headers beyond all memory) */
	if (!exchange->has_head && !exchange->connection.cut &&
	    code == MHD_REQUEST_TERMINATED_WITH_ERROR)
		state.refused++;
	state.end(*exchange);
}

void
HttpServer::State::end(Exchange &exchange) noexcept
{
	ready.remove(exchange);
	if (exchange.answered)
		unsent--;
	whole.erase(exchange.request.id);
	watch.enter(exchange.connection, Phase::silent);
	exchange.connection.exchange = nullptr;
	delete &exchange;
}

/* libmicrohttpd asks for no pause at all as long as a handler has not answered, because its own
 * handlers would look again. Ours waits for the owner, who calls reply() when his transaction is
 * through; should that take seconds, the processor must not burn meanwhile. What it may have wanted
 * the zero for otherwise has been done by run(), up to its limit of rounds. */
long
HttpServer::State::daemon_timeout_ms() const noexcept
{
	MHD_UNSIGNED_LONG_LONG wanted = 0;
	if (MHD_get_timeout(daemon, &wanted) != MHD_YES)
		return -1;
	if (wanted == 0)
		return whole.empty() ? 0 : owner_poll_ms;
	return static_cast<long>(std::min<MHD_UNSIGNED_LONG_LONG>(wanted, 3600000));
}

HttpServer *
HttpServer::create(const HttpServerOptions &options, const char *&error) noexcept
{
	error = "out of memory";
	State *state = new (std::nothrow) State;
	if (state && state->open(options, error))
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
	state_->acceptor.keep_open(state_->has_room());
}

bool
HttpServer::move_to(const char *address, const char *&error) noexcept
{
	return state_->move_to(address, error);
}

int
HttpServer::descriptor() const noexcept
{
	return state_->epoll;
}

long
HttpServer::timeout_ms() const noexcept
{
	if (state_->progress || state_->ready.front() || state_->unsent > 0)
		return 0;
	return sooner(sooner(state_->daemon_timeout_ms(), state_->watch.timeout_ms()),
	              state_->acceptor.timeout_ms());
}

void
HttpServer::run() noexcept
{
	for (int round = 0; round < max_rounds; round++) {
		state_->progress = false;
		state_->accept_some();
		MHD_run(state_->daemon);
		state_->refused += state_->watch.sweep();
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
HttpServer::take(IncomingRequest &request) noexcept
{
	Exchange *exchange = state_->ready.front();
	if (!exchange)
		return false;
	state_->ready.remove(*exchange);
	const std::uint64_t id = exchange->request.id;
	request = std::move(exchange->request);
	exchange->request.id = id;
	return true;
}

void
HttpServer::reply(std::uint64_t id, unsigned status, const char *content_type,
                  std::string_view body, ReplyHeader header) noexcept
{
	const auto found = state_->whole.find(id);
	if (found == state_->whole.end() || found->second->answered)
		return;
	Exchange &exchange = *found->second;
	state_->whole.erase(found);
	state_->ready.remove(exchange);
	exchange.answer(status, content_type, body, header);
	state_->unsent++;
}

std::uint64_t
HttpServer::refused() const noexcept
{
	return state_->refused;
}

unsigned
HttpServer::port() const noexcept
{
	return state_->acceptor.port();
}

} // namespace whatsapp::net
