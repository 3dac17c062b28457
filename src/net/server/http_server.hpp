/*
 * http_server.hpp — the listening side: GNU libmicrohttpd, single-threaded, its epoll descriptor
 * outside.
 *
 * A request is handed out whole, and answered when its owner has committed. What would hurt is
 * turned away here: oversized headers and bodies, too many connections or buffered bytes, requests
 * that drip, ambiguous lengths (request smuggling).
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp::net
{

struct HttpServerOptions {
	/* host:port, [v6]:port, or the absolute path of a unix socket; NULL: nowhere yet */
	const char *address = "127.0.0.1:8008";
	std::size_t max_header_bytes = 8 << 10; /* libmicrohttpd wipes thrice as much per request */
	std::size_t max_body_bytes = 3 << 20;   /* exactly this many are still accepted */
	std::size_t max_buffered_bytes = 64 << 20;
	unsigned max_connections = 512;
	long request_timeout_ms = 20000; /* first byte to last, whatever drips in between */
	long idle_timeout_ms = 30000;
};

struct IncomingRequest {
	std::uint64_t id = 0;
	std::string method;
	std::string path;
	std::string body;
	std::string signature; /* X-Hub-Signature-256; empty when absent or given twice */
	std::string hub_mode;  /* query parameters, URL-decoded; empty when absent or given twice */
	std::string hub_token;
	std::string hub_challenge;
};

/* One more header of an answer, of literals; none without a name. */
struct ReplyHeader {
	const char *name = nullptr;
	const char *value = nullptr;
};

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

	/* Newcomers are taken there from now on, and nowhere when address is NULL or cannot be bound
	 * (false, and why in error). Connections that are open stay. */
	bool move_to(const char *address, const char *&error) noexcept;

	int descriptor() const noexcept;
	/* Milliseconds until run() must be called though descriptor() is quiet; -1 for never, 0 for
	 * now. */
	long timeout_ms() const noexcept;
	void run() noexcept;

	/* take() has one. */
	bool has_request() const noexcept;

	/* Hand out one complete request; false when there is none. Each one taken must be answered by
	 * reply(). */
	bool take(IncomingRequest &request) noexcept;

	/* content_type is a literal. Unknown id (the client went away): nothing happens. Bytes leave at
	 * the next run(). */
	void reply(std::uint64_t id, unsigned status, const char *content_type, std::string_view body,
	           ReplyHeader header = {}) noexcept;

	/* Requests turned away before take() since the start, by the server's own limits. */
	std::uint64_t refused() const noexcept;

	/* The port that was bound (for address port 0); 0 for a unix socket. */
	unsigned port() const noexcept;

private:
	struct State;
	explicit HttpServer(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::net
