/*
 * socket_set.cpp — an entry for each descriptor's number.
 *
 * libcurl's resolver wakes this thread through a socket pair that stands in the same epoll set.
 */
#include "net/client/socket_set.hpp"

#include <cerrno>
#include <cstddef>
#include <exception>

#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

SocketSet::~SocketSet()
{
	if (epoll_ >= 0)
		close(epoll_);
}

bool
SocketSet::open_epoll() noexcept
{
	epoll_ = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ >= 0;
}

/* NULL when memory fails. */
SocketSet::Entry *
SocketSet::find_entry(int socket) noexcept
{
	const auto place = static_cast<std::size_t>(socket);
	try {
		if (place >= entries_.size())
			entries_.resize(place + 1);
	} catch (const std::exception &) {
		return nullptr;
	}
	return &entries_[place];
}

bool
SocketSet::add_connection(int socket) noexcept
{
	Entry *known = find_entry(socket);
	if (known == nullptr)
		return false;
	*known = Entry();
	known->connection = true;
	return true;
}

/* libcurl is about to close it, and then the kernel takes it out of the epoll set by itself. */
void
SocketSet::drop_connection(int socket) noexcept
{
	if (Entry *known = find_entry(socket))
		*known = Entry();
}

void
SocketSet::watch_socket(int socket, std::uint32_t events, std::uint32_t owner) noexcept
{
	Entry *known = find_entry(socket);
	if (known == nullptr)
		return;
	known->idle = false;
	if (known->connection && known->owner == owner && known->events == events)
		return;
	epoll_event event{};
	event.data.fd = socket;
	event.events = events;
	const int first = known->owner != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	known->owner = owner;
	known->events = events;
	if (epoll_ctl(epoll_, first, socket, &event) == 0)
		return;
	/* the number of a resolver's socket can change hands without a word from libcurl */
	if (errno == ENOENT)
		epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
	else if (errno == EEXIST)
		epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void
SocketSet::forget_socket(int socket, std::uint32_t owner) noexcept
{
	Entry *known = find_entry(socket);
	if (known == nullptr || known->owner != owner)
		return;
	if (known->connection) {
		known->idle = true;
		return;
	}
	*known = Entry();
	/* already gone with the descriptor when libcurl has closed it */
	epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
}

std::uint32_t
SocketSet::owner_of(int socket) noexcept
{
	Entry *known = find_entry(socket);
	if (known == nullptr)
		return 0;
	if (known->idle) {
		/* the other side has closed it; libcurl finds out when it wants to use it */
		epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
		known->owner = known->events = 0;
		known->idle = false;
	}
	return known->owner;
}

} // namespace whatsapp::net
