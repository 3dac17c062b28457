/*
 * http_client.hpp — many requests at once over few connections: libcurl's multi interface behind
 * one epoll descriptor.
 *
 * All functions are noexcept and know nothing of JSON, rows or the server. Nothing here blocks: the
 * owner waits for descriptor() or timeout_ms(), calls serve_ready(), then takes what has ended.
 */
#pragma once

#include "net/client/http_request.hpp"

#include <cstddef>

namespace whatsapp::net
{

struct HttpClientOptions {
	long max_connections = 8;
	long connect_timeout_ms = 5000;
	long request_timeout_ms = 30000;
	std::size_t max_response_bytes = 1 << 20;
	const char *user_agent = "pg_whatsapp";
	const char *ca_file = nullptr; /* NULL: the system's authorities */
};

class HttpClient
{
public:
	/* NULL when memory, a descriptor or libcurl fails. Call after fork only. */
	static HttpClient *create(const HttpClientOptions &options) noexcept;
	~HttpClient();
	HttpClient(const HttpClient &) = delete;
	HttpClient &operator=(const HttpClient &) = delete;

	/* The options that may change while requests are in flight: they hold for requests started
	 * later. */
	void set_options(const HttpClientOptions &options) noexcept;

	/* False: not started, no byte left (no memory, a URL that url_allowed() refuses, a control
	 * character in the token). */
	bool start_request(const HttpRequest &request) noexcept;

	/* Readable when serve_ready() has work. */
	int descriptor() const noexcept;

	/* Milliseconds until serve_ready() must be called though descriptor() is quiet; -1 for never, 0
	 * for now. */
	long timeout_ms() const noexcept;

	/* Serve ready sockets and due timers, a few at a time; never blocks. */
	void serve_ready() noexcept;

	/* Hand out one ended request; false when there is none. */
	bool take_response(HttpResponse &response) noexcept;

	/* Started and not yet taken. */
	std::size_t in_flight() const noexcept;

private:
	struct State;
	explicit HttpClient(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::net
