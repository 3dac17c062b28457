/*
 * multi.cpp — libcurl's socket and timer callbacks.
 *
 * libcurl's deadline is kept in a variable for the owner's wait: a timerfd costs half of the
 * throughput.
 */
#include "net/client/multi.hpp"

#include "net/base/clock.hpp"
#include "net/client/transfer.hpp"

#include <new>
#include <utility>

#include <sys/epoll.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr int max_timers = 16; /* in one go: the owner has more to do */
constexpr long max_streams = 100;

} // namespace

std::unique_ptr<Multi>
Multi::create(SocketSet &sockets, std::uint32_t owner) noexcept
{
	std::unique_ptr<Multi> made(new (std::nothrow) Multi(sockets, owner));
	if (!made || !(made->multi_ = curl_multi_init()))
		return nullptr;
	CURLM *multi = made->multi_;
	const bool taken =
	    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, made.get()) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, made.get()) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX)) ==
	        CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, max_streams) == CURLM_OK;
	return taken ? std::move(made) : nullptr;
}

Multi::~Multi()
{
	if (multi_)
		curl_multi_cleanup(multi_);
}

/* HTTP/2 shares a connection among requests only when libcurl may not open another one. */
void
Multi::limit_connections(long per_host, long total) noexcept
{
	per_host_ = per_host;
	curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
	curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
	curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, total);
}

bool
Multi::add_transfer(Transfer &transfer) noexcept
{
	if (curl_multi_add_handle(multi_, transfer.easy_handle()) != CURLM_OK)
		return false;
	transfer.owner = owner_;
	size_++;
	return true;
}

void
Multi::remove_transfer(Transfer &transfer) noexcept
{
	curl_multi_remove_handle(multi_, transfer.easy_handle());
	transfer.owner = 0;
	size_--;
}

void
Multi::serve_socket(int socket, std::uint32_t events) noexcept
{
	const int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
	                 (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	                 (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	int running;
	curl_multi_socket_action(multi_, socket, mask, &running);
}

void
Multi::serve_timer() noexcept
{
	for (int round = 0; round < max_timers; round++) {
		if (deadline_us_ == no_deadline_us || deadline_us_ > steady_clock_us())
			return;
		/* libcurl sets the next one from within */
		deadline_us_ = no_deadline_us;
		int running;
		curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

Transfer *
Multi::next_ended_transfer(CURLcode &code) noexcept
{
	int left;
	while (const CURLMsg *message = curl_multi_info_read(multi_, &left)) {
		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result;
		char *transfer = nullptr;
		if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK)
			return reinterpret_cast<Transfer *>(transfer);
	}
	return nullptr;
}

int
Multi::on_socket(CURL *, curl_socket_t socket, int what, void *self, void *) noexcept
{
	const Multi &multi = *static_cast<Multi *>(self);
	if (what == CURL_POLL_REMOVE)
		multi.sockets_.forget_socket(socket, multi.owner_);
	else
		multi.sockets_.watch_socket(
		    socket, (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
		    multi.owner_);
	return 0;
}

int
Multi::on_timer(CURLM *, long timeout_ms, void *self) noexcept
{
	static_cast<Multi *>(self)->deadline_us_ =
	    timeout_ms < 0 ? no_deadline_us
	                   : steady_clock_us() + static_cast<std::int64_t>(timeout_ms) * 1000;
	return 0;
}

} // namespace whatsapp::net
