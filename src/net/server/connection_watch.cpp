/*
 * connection_watch.cpp — deadlines, looked at every now and then.
 */
#include "net/server/connection_watch.hpp"

#include "net/base/clock.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

/* how long the other side may take to notice that the connection ends */
constexpr std::int64_t leaving_ms = 1000;

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
	enter_phase(connection, Phase::silent);
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
	connection.next = connection.previous = nullptr;
	size_--;
}

void
ConnectionWatch::enter_phase(WatchedConnection &connection, Phase phase) noexcept
{
	const std::int64_t now_ms = steady_clock_ms();
	connection.since_ms = now_ms;
	connection.deadline_ms = now_ms + (phase == Phase::silent    ? idle_ms_
	                                   : phase == Phase::leaving ? std::min(leaving_ms, request_ms_)
	                                                             : request_ms_);
	connection.phase = phase;
}

WatchedConnection *
ConnectionWatch::find_late() noexcept
{
	const std::int64_t now_ms = steady_clock_ms();
	if (!first_ || now_ms < next_sweep_ms_)
		return nullptr;
	for (WatchedConnection *each = first_; each; each = each->next)
		if (each->phase != Phase::waiting && each->deadline_ms <= now_ms)
			return each;
	next_sweep_ms_ = now_ms + tick_ms_;
	return nullptr;
}

long
ConnectionWatch::timeout_ms() const noexcept
{
	if (!first_)
		return -1;
	return static_cast<long>(std::max<std::int64_t>(next_sweep_ms_ - steady_clock_ms(), 0));
}

} // namespace whatsapp::net
