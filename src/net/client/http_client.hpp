/*
 * http_client.hpp — many POSTs at once over few connections: libcurl's multi interface behind one
 * epoll descriptor.
 *
 * The face is noexcept and knows nothing of JSON, rows or the server. Nothing here blocks: the
 * owner waits for descriptor() or timeout_ms(), calls run(), then takes what has ended.
 */
#pragma once

#include "core/answer/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

/* Views must live until start() returns. */
struct HttpRequest {
	std::uint64_t id = 0;
	std::string_view url;
	std::string_view bearer_token;
	std::string_view body;     /* application/json */
	std::int64_t asked_us = 0; /* monotonic; when its time began. 0: now */
};

struct HttpResponse {
	std::uint64_t id = 0;
	Transport transport = Transport::unknown;
	long status = 0;
	std::string body;
	std::string retry_after; /* seconds, also when the platform named a date */
	std::string usage;       /* x-business-use-case-usage */
	std::string error; /* curl's words and, for time-outs, the phase that ate the time; never a
	                      header or a body */
	std::int64_t elapsed_us = 0;
	std::int64_t queued_us =
	    0; /* of these, before its first byte: waiting for a connection or making one */
};

/* https anywhere; http for loopback addresses only (127.0.0.0/8, ::1, localhost). */
bool url_allowed(std::string_view url) noexcept;

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
	bool start(const HttpRequest &request) noexcept;

	/* Readable when run() has work. */
	int descriptor() const noexcept;

	/* Milliseconds until run() must be called though descriptor() is quiet; -1 for never, 0 for
	 * now. */
	long timeout_ms() const noexcept;

	/* Serve ready sockets and due timers, a few at a time; never blocks. */
	void run() noexcept;

	/* Hand out one ended request; false when there is none. */
	bool take(HttpResponse &response) noexcept;

	/* Started and not yet taken. */
	std::size_t in_flight() const noexcept;

private:
	struct State;
	explicit HttpClient(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::net
