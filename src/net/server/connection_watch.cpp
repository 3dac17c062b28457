/*
 * connection_watch.cpp — deadlines, looked at every now and then.
 *
 * A late connection is shut down, not closed: the descriptor is libmicrohttpd's, which sees the end
 * of it like that of any client that left.
 */
#include "net/server/connection_watch.hpp"

#include "net/base/clock.hpp"

#include <algorithm>
#include <cstdint>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr std::int64_t jiffy_slack_ms = 10; /* the kernel's clock for TCP_INFO is a coarse one */

} // namespace

void
ConnectionWatch::set_limits(long request_timeout_ms, long idle_timeout_ms) noexcept
{
	request_ms_ = std::max(request_timeout_ms, 1L);
	idle_ms_ = std::max(idle_timeout_ms, 1L);
	tick_ms_ = std::clamp<std::int64_t>(std::min(request_ms_, idle_ms_) / 8, 5, 1000);
	next_sweep_ms_ = 0;
}

void
ConnectionWatch::add_connection(WatchedConnection &connection, int fd) noexcept
{
	connection.fd = fd;
	enter_phase(connection, WatchedConnection::Phase::silent);
	connection.next = first_;
	if (first_)
		first_->previous = &connection;
	else
		next_sweep_ms_ = connection.since_ms + tick_ms_;
	first_ = &connection;
	size_++;
}

void
ConnectionWatch::remove_connection(WatchedConnection &connection) noexcept
{
	(connection.previous ? connection.previous->next : first_) = connection.next;
	if (connection.next)
		connection.next->previous = connection.previous;
	size_--;
}

void
ConnectionWatch::enter_phase(WatchedConnection &connection, WatchedConnection::Phase phase) noexcept
{
	using Phase = WatchedConnection::Phase;
	connection.since_ms = steady_clock_ms();
	if (phase == Phase::silent) {
		/* Whoever is silent for idle_ms_ goes by libmicrohttpd's time-out. Who is still there after
		 * both times has sent a part of a request line. */
		connection.deadline_ms = connection.since_ms + idle_ms_ + request_ms_;
	} else if (phase == Phase::reading) {
		/* the clock may run already, see notice_first_byte() */
		connection.deadline_ms =
		    std::min(connection.deadline_ms, connection.since_ms + request_ms_);
	} else {
		connection.deadline_ms = connection.since_ms + request_ms_;
	}
	connection.phase = phase;
}

/* libmicrohttpd tells nothing of a request before its first line is whole; the kernel does. On a
 * unix socket nobody does, and the deadline of enter_phase() must do. */
void
ConnectionWatch::notice_first_byte(WatchedConnection &connection, std::int64_t now_ms) noexcept
{
	tcp_info info{};
	socklen_t size = sizeof info;
	if (getsockopt(connection.fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return;
	const std::int64_t last_byte_ms = now_ms - info.tcpi_last_data_recv;
	if (last_byte_ms > connection.since_ms + jiffy_slack_ms) {
		connection.phase = WatchedConnection::Phase::reading;
		connection.deadline_ms = std::min(connection.deadline_ms, last_byte_ms + request_ms_);
	}
}

unsigned
ConnectionWatch::cut_late_connections() noexcept
{
	const std::int64_t now_ms = steady_clock_ms();
	if (!first_ || now_ms < next_sweep_ms_)
		return 0;
	next_sweep_ms_ = now_ms + tick_ms_;
	unsigned ended = 0;
	for (WatchedConnection *connection = first_; connection; connection = connection->next) {
		if (connection->phase == WatchedConnection::Phase::waiting)
			continue;
		if (connection->phase == WatchedConnection::Phase::silent)
			notice_first_byte(*connection, now_ms);
		if (connection->deadline_ms <= now_ms && !connection->cut) {
			shutdown(connection->fd, SHUT_RDWR);
			connection->cut = true;
			ended += connection->phase == WatchedConnection::Phase::writing ? 0 : 1;
		}
	}
	return ended;
}

long
ConnectionWatch::timeout_ms() const noexcept
{
	if (!first_)
		return -1;
	return static_cast<long>(std::max<std::int64_t>(next_sweep_ms_ - steady_clock_ms(), 0));
}

} // namespace whatsapp::net
