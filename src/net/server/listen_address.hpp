/*
 * listen_address.hpp — an address as written in a setting, made into a listening socket.
 *
 * Hosts are numbers or localhost, since the look-up of a name could block. A socket file on which
 * another process still listens is never removed.
 */
#pragma once

#include <sys/un.h>

namespace whatsapp::net
{

class ListenSocket
{
public:
	ListenSocket() noexcept = default;
	~ListenSocket() { close_socket(); }
	ListenSocket(const ListenSocket &) = delete;
	ListenSocket &operator=(const ListenSocket &) = delete;

	/* False, and why in error (static or per-process text). */
	bool open_address(const char *address, const char *&error) noexcept;
	/* Takes its socket file away too. */
	void close_socket() noexcept;

	int
	descriptor() const noexcept
	{
		return fd_;
	}
	/* 0 for a unix socket. */
	unsigned
	port() const noexcept
	{
		return port_;
	}

private:
	bool open_unix(const char *path, const char *&error) noexcept;
	bool open_inet(const char *address, const char *&error) noexcept;

	int fd_ = -1;
	unsigned port_ = 0;
	char path_[sizeof(sockaddr_un::sun_path)] = "";
};

} // namespace whatsapp::net
