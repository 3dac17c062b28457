/*
 * multi.hpp — one libcurl multi handle: a share of the client's connections, their sockets in the
 * client's socket set, and a timer.
 *
 * What a request costs inside libcurl grows with the connections of its multi handle: to reuse one
 * and to let go of one, libcurl walks along all of them (curl 7.88: 17 us a request with 64
 * connections, 30 us with 500, 42 us with 1,000). So no handle has many.
 */
#pragma once

#include "net/client/socket_set.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

#include <curl/curl.h>

namespace whatsapp::net
{

class Transfer;

/* There is no deadline. */
inline constexpr std::int64_t no_deadline_us = -1;

class Multi
{
public:
	/* owner: what the socket set knows it by, not 0. NULL when memory or libcurl fails. */
	static std::unique_ptr<Multi> create(SocketSet &sockets, std::uint32_t owner) noexcept;
	~Multi();
	Multi(const Multi &) = delete;
	Multi &operator=(const Multi &) = delete;

	/* Connections, of one host and of all. */
	void limit_connections(long per_host, long total) noexcept;

	bool add_transfer(Transfer &transfer) noexcept;
	void remove_transfer(Transfer &transfer) noexcept;

	void serve_socket(int socket, std::uint32_t events) noexcept;
	void serve_timer() noexcept;
	/* A transfer that libcurl is done with, or NULL. The caller has to call remove_transfer() for
	 * it. */
	Transfer *next_ended_transfer(CURLcode &code) noexcept;

	/* When serve_timer() has something to do, on the monotonic clock. */
	std::int64_t
	deadline_us() const noexcept
	{
		return deadline_us_;
	}

	/* Connections of one host that no request has yet; below 0 when requests wait for one. */
	long
	free_connections() const noexcept
	{
		return per_host_ - static_cast<long>(size_);
	}

private:
	explicit Multi(SocketSet &sockets, std::uint32_t owner) noexcept
	    : sockets_(sockets), owner_(owner)
	{
	}
	static int on_socket(CURL *, curl_socket_t socket, int what, void *self, void *) noexcept;
	static int on_timer(CURLM *, long timeout_ms, void *self) noexcept;

	SocketSet &sockets_;
	std::uint32_t owner_;
	CURLM *multi_ = nullptr;
	std::int64_t deadline_us_ = no_deadline_us;
	long per_host_ = 1;
	std::size_t size_ = 0;
};

} // namespace whatsapp::net
