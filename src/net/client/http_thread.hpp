/*
 * http_thread.hpp — an HttpClient that is served by a thread of its own, so that sockets are served
 * while the owner's thread works at something else.
 *
 * All signals are blocked in the thread. It lives in net/, where no server function can be linked:
 * all that it knows are requests and responses. Its functions are those of HttpClient without
 * serve_ready() and timeout_ms(), and only one thread may call them.
 */
#pragma once

#include "net/client/http_client.hpp"

#include <cstddef>

namespace whatsapp::net
{

class HttpThread
{
public:
	/* NULL when memory, a descriptor, libcurl or the thread fails. Call after fork only. */
	static HttpThread *create(const HttpClientOptions &options) noexcept;

	/* Waits for the thread, which does not wait for answers. Nothing is sent or received after it.
	 * To be called before exit(), which frees what the thread uses. */
	void stop_thread() noexcept;
	~HttpThread();
	HttpThread(const HttpThread &) = delete;
	HttpThread &operator=(const HttpThread &) = delete;

	/* For requests started later. */
	void set_options(const HttpClientOptions &options) noexcept;

	/* False: the URL or the token is not allowed, or there is no memory. What fails later is told
	 * by a response. */
	bool start_request(const HttpRequest &request) noexcept;

	/* Readable when something has ended since take_response() said false. */
	int descriptor() const noexcept;
	bool take_response(HttpResponse &response) noexcept;

	/* Started and not yet taken. */
	std::size_t in_flight() const noexcept;

private:
	struct State;
	explicit HttpThread(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::net
