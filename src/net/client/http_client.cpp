/*
 * http_client.cpp — the multi handles, their epoll descriptor and the lists of transfers.
 *
 * Nothing allocates once a transfer has started, so no answer is lost to memory.
 */
#include "net/client/http_client.hpp"

#include "core/base/url.hpp"
#include "net/base/clock.hpp"
#include "net/client/bearer.hpp"
#include "net/client/multi.hpp"
#include "net/client/signal_guard.hpp"
#include "net/client/transfer.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr int max_events = 32; /* of one serve_ready(): more of them are there in the next one */
constexpr std::size_t max_free = 1024;
/* of one multi handle; see net/client/multi.hpp */
constexpr long few_connections = 64;
constexpr std::size_t max_multis = 64;

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

struct HttpClient::State {
	SocketSet sockets;
	std::vector<std::unique_ptr<Multi>> multis; /* owner n stands at place n - 1 */
	std::size_t used = 0;                       /* how many of them get new requests */
	TransferOptions options;
	Bearer last_bearer;
	std::string last_url; /* the last one that url_allowed() took */
	TransferList active;  /* sorted by the end of their time */
	TransferList ended;
	TransferList free;

	State() = default;
	State(const State &) = delete;
	State &operator=(const State &) = delete;
	~State();

	bool open_sockets() noexcept;
	bool take_options(const HttpClientOptions &wanted) noexcept;
	void spread_connections(long per_host, long total) noexcept;
	Multi &roomiest_multi() noexcept;
	bool is_allowed_url(std::string_view url) noexcept;
	Transfer *prepared_transfer(const HttpRequest &request) noexcept;
	void recycle_transfer(Transfer *transfer) noexcept;
	void end_transfer(Transfer *transfer, CURLcode code) noexcept;
	void serve_sockets() noexcept;
	void serve_timers() noexcept;
	void collect_ended() noexcept;
	void drop_overdue() noexcept;
};

HttpClient::State::~State()
{
	const SignalGuard guard;
	while (active.front())
		end_transfer(active.front(), CURLE_ABORTED_BY_CALLBACK);
	while (Transfer *transfer = ended.pop())
		delete transfer;
	while (Transfer *transfer = free.pop())
		delete transfer;
	multis.clear();
}

bool
HttpClient::State::open_sockets() noexcept
{
	/* Here, and not when the library is loaded: a server that forks must not do it for its
	 * children. It is never undone, since libssl is shared with the server. */
	static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (global != CURLE_OK)
		return false;
	return sockets.open_epoll();
}

bool
HttpClient::State::take_options(const HttpClientOptions &wanted) noexcept
{
	try {
		TransferOptions taken;
		taken.version = options.version + 1;
		taken.sockets = &sockets;
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
	const long total = total_connections(options.max_connections);
	spread_connections(std::min(options.max_connections, total), total);
	return !multis.empty();
}

/* Gives the multi handles as many connections together as the options say; the first ones get what
 * the division leaves over. */
void
HttpClient::State::spread_connections(long per_host, long total) noexcept
{
	const auto wanted = std::min(
	    static_cast<std::size_t>((per_host + few_connections - 1) / few_connections), max_multis);
	try {
		while (multis.size() < wanted) {
			multis.push_back(Multi::create(sockets, static_cast<std::uint32_t>(multis.size() + 1)));
			if (!multis.back()) {
				multis.pop_back();
				break;
			}
		}
	} catch (const std::exception &) {
		/* no memory: those that are there share them */
	}
	used = std::min(wanted, multis.size());
	const auto shares = static_cast<long>(used);
	for (long i = 0; i < shares; i++) {
		const long share = per_host / shares + (i < per_host % shares ? 1 : 0);
		multis[static_cast<std::size_t>(i)]->limit_connections(share,
		                                                       std::max(total / shares, share));
	}
}

/* Where the next request finds a connection soonest. */
Multi &
HttpClient::State::roomiest_multi() noexcept
{
	std::size_t best = 0;
	for (std::size_t i = 1; i < used; i++)
		if (multis[i]->free_connections() > multis[best]->free_connections())
			best = i;
	return *multis[best];
}

/* Nearly always it is the URL of the last request, which was checked then. */
bool
HttpClient::State::is_allowed_url(std::string_view url) noexcept
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
HttpClient::State::prepared_transfer(const HttpRequest &request) noexcept
{
	if (!last_bearer.carries_token(request.bearer_token))
		last_bearer = Bearer::make_headers(request.bearer_token, options.user_agent);
	if (!last_bearer)
		return nullptr;
	/* files have headers of their own, and are sent once in a while */
	Bearer own;
	if (request.is_upload)
		own = Bearer::make_upload_headers(request.bearer_token, options.user_agent,
		                                  request.content_type);
	else if (!request.content_type.empty())
		own = Bearer::make_headers(request.bearer_token, options.user_agent, request.content_type);
	if (!own && (request.is_upload || !request.content_type.empty()))
		return nullptr;
	Transfer *transfer = free.pop();
	if (!transfer)
		transfer = Transfer::create();
	if (transfer && !transfer->prepare_request(request, own ? own : last_bearer, options)) {
		delete transfer;
		return nullptr;
	}
	return transfer;
}

void
HttpClient::State::recycle_transfer(Transfer *transfer) noexcept
{
	if (free.size() < max_free)
		free.push(transfer);
	else
		delete transfer;
}

void
HttpClient::State::end_transfer(Transfer *transfer, CURLcode code) noexcept
{
	transfer->finish_response(code);
	multis[transfer->owner - 1]->remove_transfer(*transfer);
	active.remove(transfer);
	ended.push(transfer);
}

void
HttpClient::State::serve_sockets() noexcept
{
	epoll_event events[max_events];
	const int count = epoll_wait(sockets.descriptor(), events, max_events, 0);
	for (int i = 0; i < count; i++)
		if (const std::uint32_t owner = sockets.owner_of(events[i].data.fd))
			multis[owner - 1]->serve_socket(events[i].data.fd, events[i].events);
}

void
HttpClient::State::serve_timers() noexcept
{
	for (const auto &multi : multis)
		multi->serve_timer();
}

void
HttpClient::State::collect_ended() noexcept
{
	CURLcode code;
	for (const auto &multi : multis)
		while (Transfer *transfer = multi->next_ended_transfer(code))
			end_transfer(transfer, code);
}

void
HttpClient::State::drop_overdue() noexcept
{
	while (active.front() && active.front()->overdue_us() <= steady_clock_us())
		end_transfer(active.front(), CURLE_OPERATION_TIMEDOUT);
}

HttpClient *
HttpClient::create(const HttpClientOptions &options) noexcept
{
	const SignalGuard guard;
	State *state = new (std::nothrow) State;
	if (state && state->open_sockets() && state->take_options(options))
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
HttpClient::start_request(const HttpRequest &request) noexcept
{
	if (!state_->is_allowed_url(request.url) || !token_allowed(request.bearer_token))
		return false;
	const SignalGuard guard;
	Transfer *transfer = state_->prepared_transfer(request);
	if (!transfer)
		return false;
	if (!state_->roomiest_multi().add_transfer(*transfer)) {
		delete transfer;
		return false;
	}
	state_->active.insert(transfer);
	return true;
}

int
HttpClient::descriptor() const noexcept
{
	return state_->sockets.descriptor();
}

long
HttpClient::timeout_ms() const noexcept
{
	if (state_->ended.size() > 0)
		return 0;
	std::int64_t deadline_us = no_deadline_us;
	const auto earlier = [&deadline_us](std::int64_t at_us) {
		if (at_us != no_deadline_us && (deadline_us == no_deadline_us || at_us < deadline_us))
			deadline_us = at_us;
	};
	for (const auto &multi : state_->multis)
		earlier(multi->deadline_us());
	if (const Transfer *oldest = state_->active.front())
		earlier(oldest->overdue_us());
	return deadline_us == no_deadline_us ? -1 : whole_ms(deadline_us - steady_clock_us());
}

void
HttpClient::serve_ready() noexcept
{
	const SignalGuard guard;
	state_->serve_sockets();
	state_->serve_timers();
	state_->collect_ended();
	state_->drop_overdue();
}

bool
HttpClient::take_response(HttpResponse &response) noexcept
{
	Transfer *transfer = state_->ended.pop();
	if (!transfer)
		return false;
	transfer->hand_out_response(response);
	state_->recycle_transfer(transfer);
	return true;
}

std::size_t
HttpClient::in_flight() const noexcept
{
	return state_->active.size() + state_->ended.size();
}

} // namespace whatsapp::net
