/*
 * connection.hpp — one client's socket: bytes in, bytes out, and the request that is under way.
 */
#pragma once

#include "net/server/connection_watch.hpp"
#include "net/server/exchange.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace whatsapp::net
{

struct Connection final : WatchedConnection {
	std::unique_ptr<Exchange> exchange;
	std::string input;       /* bytes that no request has used yet */
	std::string output;      /* bytes that the socket has not taken yet */
	bool closes = false;     /* it is closed when all of output has been sent */
	bool is_hung_up = false; /* the client has closed its side: reading comes to an end */

	Connection() = default;
	~Connection();
	Connection(const Connection &) = delete;
	Connection &operator=(const Connection &) = delete;

	/* Clears may_read when there is no more for now. False: it has ended. */
	bool receive_some(char *room, std::size_t size, std::string_view &got) noexcept;
	/* False: it is broken. */
	bool send_output() noexcept;
	void end_output() noexcept;
};

} // namespace whatsapp::net
