/*
 * request_intake.cpp — libmicrohttpd's callbacks.
 *
 * libmicrohttpd runs without threads, listening socket, TLS or suspended connections: we accept, so
 * that limits can change, and newcomers stay in the kernel's backlog while there are too many.
 * While a request is with its owner, libmicrohttpd calls the handler again at every turn and is
 * told to go on; that is cheap, and reaches none of the code that its releases of 2026 had to
 * repair.
 */
#include "net/server/request_intake.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>

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

constexpr unsigned max_accepts = 16; /* in one turn */
constexpr long owner_poll_ms = 5;    /* see daemon_timeout_ms() */
constexpr unsigned unavailable = 503;

unsigned
whole_seconds(long ms) noexcept
{
	return static_cast<unsigned>(std::clamp((ms + 999) / 1000, 1L, 86400L));
}

} // namespace

RequestIntake::~RequestIntake()
{
	if (daemon)
		MHD_stop_daemon(daemon); /* ends every exchange and connection through the callbacks */
	if (epoll >= 0)
		close(epoll);
}

bool
RequestIntake::open_server(const HttpServerOptions &wanted, const char *&error) noexcept
{
	take_limits(wanted);
	if (!start_daemon(wanted)) {
		error = "could not start the HTTP server: out of memory or descriptors";
		return false;
	}
	acceptor.attach_epoll(epoll);
	return acceptor.move_address(wanted.address, error);
}

/* Who has connected to the old address already is still let in, as far as there is room. */
bool
RequestIntake::move_address(const char *address, const char *&error) noexcept
{
	do {
		progress = false;
		accept_some();
	} while (progress);
	progress = true; /* whoever came in last has not been looked at yet */
	return acceptor.move_address(address, error);
}

bool
RequestIntake::start_daemon(const HttpServerOptions &wanted) noexcept
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
RequestIntake::take_limits(const HttpServerOptions &wanted) noexcept
{
	options = wanted;
	options.address = nullptr; /* its text is the caller's */
	budget.limit = wanted.max_buffered_bytes;
	watch.set_limits(wanted.request_timeout_ms, wanted.idle_timeout_ms);
}

bool
RequestIntake::has_room() const noexcept
{
	return watch.connection_count() < options.max_connections;
}

void
RequestIntake::accept_some() noexcept
{
	for (unsigned i = 0; i < max_accepts && has_room() && !acceptor.is_pausing(); i++) {
		sockaddr_storage address{};
		socklen_t size;
		const int fd = acceptor.accept_connection(address, size);
		if (fd < 0)
			break;
		/* closes the descriptor when it fails */
		MHD_add_connection(daemon, fd, reinterpret_cast<sockaddr *>(&address), size);
		progress = true;
	}
	acceptor.watch_newcomers(has_room() && !acceptor.is_pausing());
}

void
RequestIntake::on_connection(void *self, MHD_Connection *handle, void **context,
                             MHD_ConnectionNotificationCode code) noexcept
{
	RequestIntake &intake = *static_cast<RequestIntake *>(self);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (auto *connection = static_cast<Connection *>(*context)) {
			/* libmicrohttpd does not tell of the end of a request whose query breaks its memory */
			if (connection->visit) {
				intake.refused++;
				intake.end_visit(*connection->visit);
			}
			intake.watch.remove_connection(connection->watched);
			delete connection;
		}
		*context = nullptr;
		intake.progress = true; /* there may be room for another one */
		return;
	}
	const auto *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	auto *connection = info ? new (std::nothrow) Connection : nullptr;
	if (connection)
		intake.watch.add_connection(connection->watched, info->connect_fd);
	*context = connection;
	if (intake.options.idle_timeout_ms != intake.first_idle_timeout_ms)
		MHD_set_connection_option(handle, MHD_CONNECTION_OPTION_TIMEOUT,
		                          whole_seconds(intake.options.idle_timeout_ms));
}

/* The earliest word of a request. */
void *
RequestIntake::on_request_line(void *self, const char *, MHD_Connection *handle) noexcept
{
	RequestIntake &intake = *static_cast<RequestIntake *>(self);
	const auto *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	auto *connection = info ? static_cast<Connection *>(info->socket_context) : nullptr;
	if (!connection)
		return nullptr; /* on_request() closes it */
	intake.progress = true;
	intake.watch.enter_phase(connection->watched, Phase::reading);
	if (connection->visit)
		intake.end_visit(*connection->visit);
	connection->visit = new (std::nothrow) Visit(*connection, intake.budget);
	return connection->visit;
}

MHD_Result
RequestIntake::on_request(void *self, MHD_Connection *handle, const char *url, const char *method,
                          const char *, const char *data, std::size_t *size,
                          void **context) noexcept
{
	RequestIntake &intake = *static_cast<RequestIntake *>(self);
	auto *visit = static_cast<Visit *>(*context);
	if (!visit)
		return MHD_NO;
	const std::string_view body(data ? data : "", data ? *size : 0);
	*size = 0;
	try {
		const bool go_on = intake.continue_visit(*visit, handle, url, method, body);
		intake.count_refusal(*visit);
		return go_on ? MHD_YES : MHD_NO;
	} catch (const std::exception &) {
		return MHD_NO; /* out of memory: closed, and the sender tries again */
	}
}

/* One call of libmicrohttpd's: the head, a piece of the body, or (again and again) the end. False
 * closes the connection. */
bool
RequestIntake::continue_visit(Visit &visit, MHD_Connection *handle, const char *url,
                              const char *method, std::string_view data)
{
	if (!visit.has_head) {
		progress = true;
		return visit.read_request_head(handle, options, url, method);
	}
	if (!data.empty()) {
		progress = true;
		return visit.absorb_body(data, options.max_body_bytes);
	}
	if (!visit.whole)
		complete_visit(visit);
	if (!visit.refusal && !visit.answered)
		return true; /* still with its owner */
	unsent -= visit.answered ? 1 : 0;
	progress = true;
	watch.enter_phase(visit.connection.watched, Phase::writing);
	return visit.send_answer(handle);
}

void
RequestIntake::complete_visit(Visit &visit) noexcept
{
	visit.whole = true;
	progress = true;
	if (visit.refusal)
		return;
	try {
		whole.emplace(last_id + 1, &visit);
	} catch (const std::exception &) {
		visit.refuse_request(unavailable);
		return;
	}
	visit.request.id = ++last_id;
	watch.enter_phase(visit.connection.watched, Phase::waiting);
	ready.push_exchange(visit);
}

void
RequestIntake::count_refusal(Exchange &exchange) noexcept
{
	if (exchange.refusal && !exchange.counted) {
		exchange.counted = true;
		refused++;
	}
}

void
RequestIntake::on_completed(void *self, MHD_Connection *, void **context,
                            MHD_RequestTerminationCode code) noexcept
{
	RequestIntake &intake = *static_cast<RequestIntake *>(self);
	auto *visit = static_cast<Visit *>(*context);
	*context = nullptr;
	if (!visit)
		return;
	intake.progress = true;
	/* libmicrohttpd turned it away by itself (malformed, or headers beyond all memory) */
	if (!visit->has_head && !visit->connection.watched.cut &&
	    code == MHD_REQUEST_TERMINATED_WITH_ERROR)
		intake.refused++;
	intake.end_visit(*visit);
}

void
RequestIntake::end_visit(Visit &visit) noexcept
{
	ready.remove_exchange(visit);
	if (visit.answered)
		unsent--;
	whole.erase(visit.request.id);
	watch.enter_phase(visit.connection.watched, Phase::silent);
	visit.connection.visit = nullptr;
	delete &visit;
}

/* libmicrohttpd asks for no pause at all as long as a handler has not answered, because its own
 * handlers would look again. Ours waits for the owner, who calls send_reply() when his transaction
 * is through; should that take seconds, the processor must not burn meanwhile. What it may have
 * wanted the zero for otherwise has been done by serve_ready(), up to its limit of rounds. */
long
RequestIntake::daemon_timeout_ms() const noexcept
{
	MHD_UNSIGNED_LONG_LONG wanted = 0;
	if (MHD_get_timeout(daemon, &wanted) != MHD_YES)
		return -1;
	if (wanted == 0)
		return whole.empty() ? 0 : owner_poll_ms;
	return static_cast<long>(std::min<MHD_UNSIGNED_LONG_LONG>(wanted, 3600000));
}

} // namespace whatsapp::net
