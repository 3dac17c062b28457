/*
 * acceptor.cpp — accept(), and when not to call it.
 */
#include "net/server/acceptor.hpp"

#include "net/base/clock.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr std::int64_t pause_ms = 100;

} // namespace

bool
Acceptor::move_address(const char *address, const char *&error) noexcept
{
	watch_newcomers(false);
	socket_.close_socket();
	pause_ends_ms_ = 0;
	error = nullptr;
	if (!address)
		return true;
	if (!socket_.open_address(address, error))
		return false;
	if (watch_newcomers(true))
		return true;
	error = "could not watch the listening socket: out of memory";
	socket_.close_socket();
	return false;
}

bool
Acceptor::watch_newcomers(bool wanted) noexcept
{
	if (socket_.descriptor() < 0 || wanted == open_)
		return true;
	epoll_event event{};
	event.events = EPOLLIN;
	if (epoll_ctl(epoll_, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, socket_.descriptor(), &event) !=
	    0)
		return false;
	open_ = wanted;
	return true;
}

int
Acceptor::accept_connection() noexcept
{
	if (socket_.descriptor() < 0)
		return -1;
	for (;;) {
		const int fd =
		    accept4(socket_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		/* this newcomer has gone already; there may be others */
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting();
		return -1;
	}
}

void
Acceptor::pause_accepting() noexcept
{
	pause_ends_ms_ = steady_clock_ms() + pause_ms;
}

bool
Acceptor::is_pausing() noexcept
{
	if (pause_ends_ms_ != 0 && steady_clock_ms() >= pause_ends_ms_)
		pause_ends_ms_ = 0;
	return pause_ends_ms_ != 0;
}

long
Acceptor::timeout_ms() const noexcept
{
	if (pause_ends_ms_ == 0)
		return -1;
	return static_cast<long>(std::max<std::int64_t>(pause_ends_ms_ - steady_clock_ms(), 0));
}

} // namespace whatsapp::net
