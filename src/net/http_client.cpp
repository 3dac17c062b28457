/*
 * http_client.cpp — the multi handle, its epoll descriptor and the lists of transfers.
 *
 * libcurl's deadline is kept in a variable for the owner's wait: a timerfd costs half of the
 * throughput. libcurl's resolver wakes this thread through a socket pair that stands in the same
 * epoll set. Nothing allocates once a transfer has started, so no answer is lost to memory.
 */
#include "net/http_client.hpp"

#include "core/url.hpp"
#include "net/bearer.hpp"
#include "net/signal_guard.hpp"
#include "net/transfer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr std::int64_t never = -1;
constexpr int max_events = 32;
constexpr int max_rounds = 16; /* of epoll_wait in one run(): the owner has more to do */
constexpr std::size_t max_free = 1024;
constexpr long max_streams = 100;

/* All hosts together; a quarter of the process's descriptors at most. */
long
total_connections(long per_host) noexcept
{
	long total = std::max(per_host * 4, 16L);
	rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
		total = std::min(total, static_cast<long>(std::min<rlim_t>(files.rlim_cur / 4, 1 << 20)));
	return std::max(total, 1L);
}

long
whole_ms(std::int64_t us) noexcept
{
	return us <= 0 ? 0 : static_cast<long>((us + 999) / 1000);
}

} // namespace

bool
url_allowed(std::string_view url) noexcept
{
	return whatsapp::url_allowed(url);
}

struct HttpClient::State {
	CURLM *multi = nullptr;
	int epoll = -1;
	std::int64_t curl_deadline_us = never;
	TransferOptions options;
	Bearer last_bearer;
	std::string last_url; /* that was allowed */
	TransferList active;  /* by the end of their time */
	TransferList ended;
	TransferList free;

	State() = default;
	State(const State &) = delete;
	State &operator=(const State &) = delete;
	~State();

	bool open() noexcept;
	bool take_options(const HttpClientOptions &wanted) noexcept;
	void apply_limits() noexcept;
	bool knows(std::string_view url) noexcept;
	Transfer *prepared(const HttpRequest &request) noexcept;
	void recycle(Transfer *transfer) noexcept;
	void end(Transfer *transfer, CURLcode code) noexcept;
	void serve_sockets() noexcept;
	void serve_timer() noexcept;
	void collect() noexcept;
	void drop_overdue() noexcept;

	static int on_socket(CURL *, curl_socket_t socket, int what, void *self, void *known) noexcept;
	static int on_timer(CURLM *, long timeout_ms, void *self) noexcept;
};

HttpClient::State::~State()
{
	const SignalGuard guard;
	while (Transfer *transfer = active.pop()) {
		curl_multi_remove_handle(multi, transfer->handle());
		delete transfer;
	}
	while (Transfer *transfer = ended.pop())
		delete transfer;
	while (Transfer *transfer = free.pop())
		delete transfer;
	if (multi)
		curl_multi_cleanup(multi);
	if (epoll >= 0)
		close(epoll);
}

bool
HttpClient::State::open() noexcept
{
	/* In this call and not before main: a server that forks must not do it for its children. Never
	 * undone, libssl is shared with the server. */
	static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (global != CURLE_OK)
		return false;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	multi = epoll >= 0 ? curl_multi_init() : nullptr;
	if (!multi)
		return false;
	return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this) == CURLM_OK;
}

bool
HttpClient::State::take_options(const HttpClientOptions &wanted) noexcept
{
	try {
		TransferOptions taken;
		taken.version = options.version + 1;
		taken.max_connections = std::max(wanted.max_connections, 1L);
		taken.connect_timeout_ms = std::max(wanted.connect_timeout_ms, 1L);
		taken.request_timeout_ms = std::max(wanted.request_timeout_ms, 1L);
		taken.max_response_bytes = wanted.max_response_bytes;
		taken.user_agent = wanted.user_agent ? wanted.user_agent : "";
		taken.ca_file = wanted.ca_file ? wanted.ca_file : "";
		options = std::move(taken);
		last_bearer.reset();
	} catch (const std::exception &) {
		return false;
	}
	apply_limits();
	return true;
}

/* HTTP/2 shares a connection among requests only when libcurl may not open another one. */
void
HttpClient::State::apply_limits() noexcept
{
	const long total = total_connections(options.max_connections);
	const long per_host = std::min(options.max_connections, total);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, total);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
	curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, max_streams);
}

int
HttpClient::State::on_socket(CURL *, curl_socket_t socket, int what, void *self,
                             void *known) noexcept
{
	State &state = *static_cast<State *>(self);
	if (what == CURL_POLL_REMOVE) {
		/* already gone with the descriptor when libcurl has closed it */
		epoll_ctl(state.epoll, EPOLL_CTL_DEL, socket, nullptr);
		curl_multi_assign(state.multi, socket, nullptr);
		return 0;
	}
	epoll_event event{};
	event.data.fd = socket;
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(state.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0) {
		/* A descriptor number can change hands without libcurl telling. Other failures leave the
		 * request to its time-out. */
		if (errno == ENOENT)
			epoll_ctl(state.epoll, EPOLL_CTL_ADD, socket, &event);
		else if (errno == EEXIST)
			epoll_ctl(state.epoll, EPOLL_CTL_MOD, socket, &event);
	}
	if (!known)
		curl_multi_assign(state.multi, socket, self);
	return 0;
}

int
HttpClient::State::on_timer(CURLM *, long timeout_ms, void *self) noexcept
{
	static_cast<State *>(self)->curl_deadline_us =
	    timeout_ms < 0 ? never : monotonic_us() + static_cast<std::int64_t>(timeout_ms) * 1000;
	return 0;
}

/* Nearly always the one of the last request. */
bool
HttpClient::State::knows(std::string_view url) noexcept
{
	if (url == last_url)
		return !url.empty();
	if (!url_allowed(url))
		return false;
	try {
		last_url = url;
	} catch (const std::exception &) {
		last_url.clear();
	}
	return true;
}

/* Ready to be started, or NULL. */
Transfer *
HttpClient::State::prepared(const HttpRequest &request) noexcept
{
	if (!last_bearer.carries(request.bearer_token))
		last_bearer = Bearer::make(request.bearer_token, options.user_agent);
	if (!last_bearer)
		return nullptr;
	Transfer *transfer = free.pop();
	if (!transfer)
		transfer = Transfer::create();
	if (transfer && !transfer->prepare(request, last_bearer, options)) {
		delete transfer;
		return nullptr;
	}
	return transfer;
}

void
HttpClient::State::recycle(Transfer *transfer) noexcept
{
	if (free.size() < max_free)
		free.push(transfer);
	else
		delete transfer;
}

void
HttpClient::State::end(Transfer *transfer, CURLcode code) noexcept
{
	transfer->finish(code);
	curl_multi_remove_handle(multi, transfer->handle());
	active.remove(transfer);
	ended.push(transfer);
}

void
HttpClient::State::serve_sockets() noexcept
{
	epoll_event events[max_events];
	for (int round = 0; round < max_rounds; round++) {
		const int count = epoll_wait(epoll, events, max_events, 0);
		for (int i = 0; i < count; i++) {
			const auto ready = events[i].events;
			const int mask = (ready & EPOLLIN ? CURL_CSELECT_IN : 0) |
			                 (ready & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			                 (ready & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
			int running;
			curl_multi_socket_action(multi, events[i].data.fd, mask, &running);
		}
		/* not all at the end: to take a handle out, libcurl goes through all that have ended */
		collect();
		if (count < max_events)
			return;
	}
}

void
HttpClient::State::serve_timer() noexcept
{
	for (int round = 0; round < max_rounds; round++) {
		if (curl_deadline_us == never || curl_deadline_us > monotonic_us())
			return;
		/* libcurl sets the next one from within */
		curl_deadline_us = never;
		int running;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

void
HttpClient::State::collect() noexcept
{
	int left;
	while (const CURLMsg *message = curl_multi_info_read(multi, &left)) {
		if (message->msg != CURLMSG_DONE)
			continue;
		const CURLcode code = message->data.result;
		char *transfer = nullptr;
		if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK)
			end(reinterpret_cast<Transfer *>(transfer), code);
	}
}

void
HttpClient::State::drop_overdue() noexcept
{
	while (active.front() && active.front()->overdue_us() <= monotonic_us())
		end(active.front(), CURLE_OPERATION_TIMEDOUT);
}

HttpClient *
HttpClient::create(const HttpClientOptions &options) noexcept
{
	const SignalGuard guard;
	State *state = new (std::nothrow) State;
	if (state && state->open() && state->take_options(options))
		if (auto *client = new (std::nothrow) HttpClient(state))
			return client;
	delete state;
	return nullptr;
}

HttpClient::~HttpClient()
{
	delete state_;
}

void
HttpClient::set_options(const HttpClientOptions &options) noexcept
{
	state_->take_options(options);
}

bool
HttpClient::start(const HttpRequest &request) noexcept
{
	if (!state_->knows(request.url) || !token_allowed(request.bearer_token))
		return false;
	const SignalGuard guard;
	Transfer *transfer = state_->prepared(request);
	if (!transfer)
		return false;
	if (curl_multi_add_handle(state_->multi, transfer->handle()) != CURLM_OK) {
		delete transfer;
		return false;
	}
	state_->active.insert(transfer);
	return true;
}

int
HttpClient::descriptor() const noexcept
{
	return state_->epoll;
}

long
HttpClient::timeout_ms() const noexcept
{
	if (state_->ended.size() > 0)
		return 0;
	std::int64_t deadline_us = state_->curl_deadline_us;
	if (const Transfer *oldest = state_->active.front())
		deadline_us = deadline_us == never ? oldest->overdue_us()
		                                   : std::min(deadline_us, oldest->overdue_us());
	return deadline_us == never ? -1 : whole_ms(deadline_us - monotonic_us());
}

void
HttpClient::run() noexcept
{
	const SignalGuard guard;
	state_->serve_sockets();
	state_->serve_timer();
	state_->collect();
	state_->drop_overdue();
}

bool
HttpClient::take(HttpResponse &response) noexcept
{
	Transfer *transfer = state_->ended.pop();
	if (!transfer)
		return false;
	transfer->hand_out(response);
	state_->recycle(transfer);
	return true;
}

std::size_t
HttpClient::in_flight() const noexcept
{
	return state_->active.size() + state_->ended.size();
}

} // namespace whatsapp::net
