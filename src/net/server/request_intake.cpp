/*
 * request_intake.cpp — who comes in, and who has to give way.
 *
 * One thread, sockets that never block, one epoll set that tells of changes. Each connection that
 * has something to do gets one read or one answer in a turn, so that nobody waits for one who
 * sends much. Where places, descriptors or memory for bodies are short, the one who has kept the
 * others waiting for the longest time, with nothing to read from him, gives way: many connections
 * that are silent cannot shut out those that speak, wherever they come from.
 */
#include "net/server/request_intake.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

using Phase = WatchedConnection::Phase;

constexpr unsigned max_accepts = 64; /* in one turn */
constexpr int max_events = 128;      /* in one turn */
constexpr std::size_t room_bytes = std::size_t{64} << 10;

} // namespace

RequestIntake::~RequestIntake()
{
	while (WatchedConnection *first = watch.find_any())
		close_connection(static_cast<Connection &>(*first));
	bury_closed();
	if (epoll >= 0)
		close(epoll);
}

bool
RequestIntake::open_server(const HttpServerOptions &wanted, const char *&error) noexcept
{
	take_limits(wanted);
	error = "could not start the HTTP server: out of memory or descriptors";
	try {
		room_.resize(room_bytes);
	} catch (const std::exception &) {
		return false;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return false;
	acceptor.attach_epoll(epoll);
	return acceptor.move_address(wanted.address, error);
}

/* Who has connected to the old address already is still let in, as far as there is room. */
bool
RequestIntake::move_address(const char *address, const char *&error) noexcept
{
	do {
		progress = false;
		has_newcomers_ = has_room();
		accept_some();
	} while (progress);
	bury_closed();
	progress = true; /* whoever came in last has not been looked at yet */
	return acceptor.move_address(address, error);
}

void
RequestIntake::take_limits(const HttpServerOptions &wanted) noexcept
{
	rlimit open_files{};

	options = wanted;
	options.address = nullptr; /* its text is the caller's */
	budget.set_limits(wanted);
	watch.set_limits(wanted.request_timeout_ms, wanted.idle_timeout_ms);
	descriptor_limit_ = INT32_MAX;
	if (getrlimit(RLIMIT_NOFILE, &open_files) == 0 && open_files.rlim_cur < INT32_MAX &&
	    open_files.rlim_cur > wanted.kept_descriptors)
		descriptor_limit_ = static_cast<int>(open_files.rlim_cur - wanted.kept_descriptors);
}

void
RequestIntake::run_turn() noexcept
{
	progress = false;
	collect_events();
	accept_some();
	advance_runnable();
	close_late_connections();
	bury_closed();
}

void
RequestIntake::wake_connection(Connection &connection) noexcept
{
	if (connection.is_runnable)
		return;
	connection.is_runnable = true;
	runnable.push_back(&connection); /* admit_connection() has made room */
}

void
RequestIntake::collect_events() noexcept
{
	epoll_event events[max_events];
	const int count = epoll_wait(epoll, events, max_events, 0);
	for (int i = 0; i < count; i++) {
		progress = true;
		auto *connection = static_cast<Connection *>(events[i].data.ptr);
		if (!connection) {
			has_newcomers_ = true;
			continue;
		}
		connection->is_hung_up =
		    connection->is_hung_up || (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
		connection->may_read =
		    connection->may_read || connection->is_hung_up || (events[i].events & EPOLLIN) != 0;
		wake_connection(*connection);
	}
}

bool
RequestIntake::has_room() const noexcept
{
	return watch.connection_count() < options.max_connections;
}

/* The kernel gives the lowest number that is free: so many are in use. */
bool
RequestIntake::is_short_of_descriptors(int fd) const noexcept
{
	return fd >= descriptor_limit_;
}

Connection *
RequestIntake::find_oldest_incomplete() const noexcept
{
	return static_cast<Connection *>(
	    watch.find_oldest_incomplete([](const WatchedConnection &each) { return !each.may_read; }));
}

void
RequestIntake::accept_some() noexcept
{
	for (unsigned i = 0; has_newcomers_ && i < max_accepts && !acceptor.is_pausing(); i++) {
		Connection *oldest = has_room() ? nullptr : find_oldest_incomplete();
		if (!oldest && !has_room())
			break;
		const int fd = acceptor.accept_connection();
		if (fd < 0) {
			has_newcomers_ = false;
			/* no descriptor is left: others in this process have taken even those that are kept
			 * back for it */
			oldest = acceptor.is_pausing() ? find_oldest_incomplete() : nullptr;
		} else if (!oldest && is_short_of_descriptors(fd)) {
			oldest = find_oldest_incomplete();
			if (!oldest)
				acceptor.pause_accepting();
		}
		if (oldest)
			give_way(*oldest);
		if (fd >= 0)
			admit_connection(fd);
		progress = progress || fd >= 0 || oldest;
	}
	has_newcomers_ = false; /* epoll tells of those who wait still */
	acceptor.watch_newcomers((has_room() || find_oldest_incomplete()) && !acceptor.is_pausing());
}

void
RequestIntake::admit_connection(int fd) noexcept
{
	const int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* nothing on a unix socket */
	std::unique_ptr<Connection> connection;
	try {
		connection = std::make_unique<Connection>();
		connection->fd = fd;
		/* for wake_connection(): those that are in it, closed or not, and all others */
		const std::size_t most = runnable.size() + watch.connection_count() + 1;
		runnable.reserve(most);
		turn_.reserve(most);
		epoll_event event{};
		event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
		event.data.ptr = connection.get();
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			return;
		watch.add_connection(*connection, fd);
		wake_connection(*connection.release());
	} catch (const std::exception &) {
		if (!connection)
			close(fd); /* out of memory; the client tries again */
	}
}

/* Its place is needed now. */
void
RequestIntake::give_way(Connection &connection) noexcept
{
	if (connection.phase == Phase::reading) {
		refused++;
		if (connection.exchange && connection.exchange->has_head)
			try {
				start_refusal(connection);
				connection.send_output();
				connection.end_output();
			} catch (const std::exception &) {
				/* then without a word */
			}
	}
	close_connection(connection);
}

void
RequestIntake::close_late_connections() noexcept
{
	while (WatchedConnection *late = watch.find_late()) {
		refused += late->phase == Phase::reading ? 1 : 0;
		close_connection(static_cast<Connection &>(*late));
	}
}

void
RequestIntake::close_connection(Connection &connection) noexcept
{
	if (connection.phase == Phase::closed)
		return;
	if (connection.exchange) {
		ready.remove_exchange(*connection.exchange);
		whole.erase(connection.exchange->request.id);
		connection.exchange.reset();
	}
	watch.remove_connection(connection);
	connection.phase = Phase::closed;
	close(connection.fd); /* which takes it out of the epoll set */
	connection.fd = -1;
	connection.next = closed_;
	closed_ = &connection;
	progress = true; /* there may be room for another one */
}

/* Connections are deleted between turns only: within a turn, a list may still have their
 * address. */
void
RequestIntake::bury_closed() noexcept
{
	if (!closed_)
		return;
	runnable.erase(
	    std::remove_if(runnable.begin(), runnable.end(),
	                   [](const Connection *each) { return each->phase == Phase::closed; }),
	    runnable.end());
	while (closed_) {
		Connection *connection = closed_;
		closed_ = static_cast<Connection *>(connection->next);
		delete connection;
	}
}

} // namespace whatsapp::net
