/*
 * multi.cpp — libcurl's socket and timer callbacks, and who owns a descriptor's number.
 *
 * libcurl's deadline is kept in a variable for the owner's wait: a timerfd costs half of the
 * throughput. libcurl's resolver wakes this thread through a socket pair that stands in the same
 * epoll set.
 */
#include "net/client/multi.hpp"

#include "net/client/transfer.hpp"

#include <cerrno>
#include <exception>
#include <new>

#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr std::int64_t never = -1;
constexpr int max_timers = 16; /* in one go: the owner has more to do */
constexpr long max_streams = 100;

} // namespace

SocketSet::~SocketSet()
{
	if (epoll_ >= 0)
		close(epoll_);
}

bool
SocketSet::open() noexcept
{
	epoll_ = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ >= 0;
}

/* NULL when memory fails. */
SocketSet::Entry *
SocketSet::entry(int socket) noexcept
{
	const auto place = static_cast<std::size_t>(socket);
	try {
		if (place >= entries_.size())
			entries_.resize(place + 1);
	} catch (const std::exception &) {
		return nullptr;
	}
	return &entries_[place];
}

void
SocketSet::opened(int socket) noexcept
{
	if (Entry *known = entry(socket)) {
		*known = Entry();
		known->connection = true;
	}
}

/* With it, the kernel takes it out of the set. */
void
SocketSet::closed(int socket) noexcept
{
	if (Entry *known = entry(socket))
		*known = Entry();
}

void
SocketSet::watch(int socket, std::uint32_t events, std::uint32_t owner) noexcept
{
	Entry *known = entry(socket);
	if (known == nullptr)
		return;
	known->idle = false;
	if (known->connection && known->owner == owner && known->events == events)
		return;
	epoll_event event{};
	event.data.fd = socket;
	event.events = events;
	const int first = known->owner != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	known->owner = owner;
	known->events = events;
	if (epoll_ctl(epoll_, first, socket, &event) == 0)
		return;
	/* the number of a resolver's socket can change hands without a word from libcurl */
	if (errno == ENOENT)
		epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
	else if (errno == EEXIST)
		epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void
SocketSet::forget(int socket, std::uint32_t owner) noexcept
{
	Entry *known = entry(socket);
	if (known == nullptr || known->owner != owner)
		return;
	if (known->connection) {
		known->idle = true;
		return;
	}
	*known = Entry();
	/* already gone with the descriptor when libcurl has closed it */
	epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
}

std::uint32_t
SocketSet::owner_of(int socket) noexcept
{
	Entry *known = entry(socket);
	if (known == nullptr)
		return 0;
	if (known->idle) {
		/* closed by the server: libcurl finds out when it wants to use it */
		epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
		known->owner = known->events = 0;
		known->idle = false;
	}
	return known->owner;
}

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
Multi::limit(long per_host, long total) noexcept
{
	per_host_ = per_host;
	curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
	curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
	curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, total);
}

bool
Multi::add(Transfer &transfer) noexcept
{
	if (curl_multi_add_handle(multi_, transfer.handle()) != CURLM_OK)
		return false;
	transfer.multi = this;
	size_++;
	return true;
}

void
Multi::remove(Transfer &transfer) noexcept
{
	curl_multi_remove_handle(multi_, transfer.handle());
	transfer.multi = nullptr;
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
		if (deadline_us_ == never || deadline_us_ > monotonic_us())
			return;
		/* libcurl sets the next one from within */
		deadline_us_ = never;
		int running;
		curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

Transfer *
Multi::done(CURLcode &code) noexcept
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
		multi.sockets_.forget(socket, multi.owner_);
	else
		multi.sockets_.watch(
		    socket, (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
		    multi.owner_);
	return 0;
}

int
Multi::on_timer(CURLM *, long timeout_ms, void *self) noexcept
{
	static_cast<Multi *>(self)->deadline_us_ =
	    timeout_ms < 0 ? never : monotonic_us() + static_cast<std::int64_t>(timeout_ms) * 1000;
	return 0;
}

} // namespace whatsapp::net
