/*
 * acceptor.hpp — a listening socket in an epoll set, taken out of it while no more connections are
 * wanted.
 */
#pragma once

#include "net/server/listen_address.hpp"

#include <cstdint>

namespace whatsapp::net
{

class Acceptor
{
public:
	Acceptor() noexcept = default;
	Acceptor(const Acceptor &) = delete;
	Acceptor &operator=(const Acceptor &) = delete;

	/* The epoll set that tells of newcomers. To be called before all other functions. */
	void
	attach_epoll(int epoll) noexcept
	{
		epoll_ = epoll;
	}

	/* Listens at address instead; nowhere when it is NULL. False, and why in error, when it cannot
	 * be bound: then it listens nowhere. The old address is given up first, since the new one may
	 * be a part of it. */
	bool move_address(const char *address, const char *&error) noexcept;

	/* wanted: newcomers make the epoll set readable; else they are left waiting in the kernel. */
	bool watch_newcomers(bool wanted) noexcept;

	/* A newcomer's socket, or -1 when there is none (or no room in the process for one). */
	int accept_connection() noexcept;

	/* Out of descriptors or memory: newcomers are left alone for a while. */
	void pause_accepting() noexcept;
	bool is_pausing() noexcept;
	/* Milliseconds until a pause ends; -1 without one. */
	long timeout_ms() const noexcept;

	unsigned
	port() const noexcept
	{
		return socket_.port();
	}

private:
	ListenSocket socket_;
	int epoll_ = -1;
	bool open_ = false;
	std::int64_t pause_ends_ms_ = 0;
};

} // namespace whatsapp::net
