/*
 * http_server.hpp — the listening side: one thread, an epoll descriptor for which its owner waits,
 * and Boost.Beast to read heads.
 *
 * A request is handed out whole, and answered when its owner has committed. What would hurt is
 * turned away here: oversized headers and bodies, too many connections or buffered bytes, requests
 * that drip, heads that two programs could read differently (request smuggling).
 */
#pragma once

#include "net/server/incoming_request.hpp"
#include "net/server/server_options.hpp"

#include <cstdint>
#include <string_view>

namespace whatsapp::net
{

class HttpServer
{
public:
	/* NULL, and why in error (a static or per-process string, no owner needed), when the address
	 * cannot be bound or memory fails. */
	static HttpServer *create(const HttpServerOptions &options, const char *&error) noexcept;
	~HttpServer();
	HttpServer(const HttpServer &) = delete;
	HttpServer &operator=(const HttpServer &) = delete;

	/* The limits; the address is left as it is. */
	void set_options(const HttpServerOptions &options) noexcept;

	/* Newcomers are taken at this address from now on; nowhere when it is NULL. False, and why in
	 * error, when it cannot be bound; then they are taken nowhere. Connections that are open
	 * stay. */
	bool move_address(const char *address, const char *&error) noexcept;

	int descriptor() const noexcept;
	/* Milliseconds until serve_ready() must be called though descriptor() is quiet; -1 for never, 0
	 * for now. */
	long timeout_ms() const noexcept;
	void serve_ready() noexcept;

	/* Whether take_request() would give one. */
	bool has_request() const noexcept;

	/* Hand out one complete request; false when there is none. Each one taken must be answered by
	 * send_reply(). */
	bool take_request(IncomingRequest &request) noexcept;

	/* content_type is a literal. Unknown id (the client went away): nothing happens. Bytes leave at
	 * the next serve_ready(). */
	void send_reply(std::uint64_t id, unsigned status, const char *content_type,
	                std::string_view body, ReplyHeader header = {}) noexcept;

	/* Requests turned away before take_request() since the start, by the server's own limits. */
	std::uint64_t refused_count() const noexcept;

	/* The port that was bound (for address port 0); 0 for a unix socket. */
	unsigned port() const noexcept;

private:
	struct State;
	explicit HttpServer(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::net
