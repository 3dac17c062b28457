/*
 * socket_set.hpp — the sockets of several multi handles in one epoll descriptor, and to which
 * handle (the owner) each belongs.
 */
#pragma once

#include <cstdint>
#include <vector>

namespace whatsapp::net
{

class SocketSet
{
public:
	SocketSet() noexcept = default;
	~SocketSet();
	SocketSet(const SocketSet &) = delete;
	SocketSet &operator=(const SocketSet &) = delete;

	bool open_epoll() noexcept;
	int
	descriptor() const noexcept
	{
		return epoll_;
	}

	/* A connection's socket: between these two, forget_socket() leaves it in the set, since the
	 * next request on it will wait for the same events. */
	bool add_connection(int socket) noexcept; /* false: no memory to watch it */
	void drop_connection(int socket) noexcept;

	/* Fails without a word: the request is left to its time-out. */
	void watch_socket(int socket, std::uint32_t events, std::uint32_t owner) noexcept;
	/* Does nothing when the socket belongs to another owner: libcurl may tell of a closed one when
	 * its number has already been given to a socket of another handle. */
	void forget_socket(int socket, std::uint32_t owner) noexcept;

	/* The owner of a socket of which epoll tells. 0: it is an idle connection, and is taken out of
	 * the set. */
	std::uint32_t owner_of(int socket) noexcept;

private:
	struct Entry {
		std::uint32_t owner = 0; /* 0: not in the set */
		std::uint32_t events = 0;
		bool connection = false;
		bool idle = false;
	};
	Entry *find_entry(int socket) noexcept;

	int epoll_ = -1;
	std::vector<Entry> entries_; /* by descriptor */
};

} // namespace whatsapp::net
