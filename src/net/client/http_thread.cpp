/*
 * http_thread.cpp — two lists between the threads: requests one way, responses the other.
 *
 * The client belongs to the thread. Only when nothing is under way, the owner's own thread sends,
 * since waking the other one takes longer than sending. libcurl allows that, as long as one thread
 * at a time calls it.
 */
#include "net/client/http_thread.hpp"

#include "core/base/url.hpp"
#include "net/base/clock.hpp"
#include "net/client/bearer.hpp"
#include "net/client/signal_guard.hpp"

#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

struct Destination {
	std::string url;
	std::string token;

	Destination(std::string_view to, std::string_view bearer) : url(to), token(bearer) {}
	~Destination() { explicit_bzero(token.data(), token.size()); }
	Destination(const Destination &) = delete;
	Destination &operator=(const Destination &) = delete;
};

/* The views of the request are those of its caller, who does not wait for the thread. */
struct QueuedRequest {
	HttpRequest request;
	std::shared_ptr<const Destination> destination;
	std::string body;
	std::string content_type;

	HttpRequest
	kept_request() const noexcept
	{
		HttpRequest kept = request;
		kept.url = destination->url;
		kept.bearer_token = destination->token;
		kept.body = body;
		kept.content_type = content_type;
		return kept;
	}
};

void
ring_bell(int bell) noexcept
{
	const std::uint64_t one = 1;
	(void)!write(bell, &one, sizeof one);
}

void
silence_bell(int bell) noexcept
{
	std::uint64_t count;
	(void)!read(bell, &count, sizeof count);
}

} // namespace

struct HttpThread::State {
	/* used by the owner's thread only */
	std::shared_ptr<const Destination> destination; /* the last one, which was allowed */
	std::vector<HttpResponse> taken;
	std::size_t next_taken = 0;
	std::size_t in_flight = 0;
	std::size_t room = 0; /* the capacity of ended, as the owner's thread knows it */

	int requests_bell = -1;
	int ended_bell = -1;

	std::mutex client_mutex;
	std::unique_ptr<HttpClient> client;

	std::mutex mutex; /* guards what follows; held only while a list is changed, so that nobody
	                     waits for it long */
	std::vector<QueuedRequest> requests;
	std::vector<HttpResponse> ended;
	bool sleeping = false; /* the thread waits, and has to be woken by requests_bell */
	bool rung = false;     /* ended_bell was rung, and the owner has not looked since */
	bool stop = false;

	std::thread thread;

	State() = default;
	State(const State &) = delete;
	State &operator=(const State &) = delete;
	~State();

	bool open_client(const HttpClientOptions &options);
	void end_thread() noexcept;
	void serve_requests() noexcept;
	void start_all(std::vector<QueuedRequest> &batch) noexcept;
	void publish_responses() noexcept;
	void make_room();
	bool send_now(const HttpRequest &request) noexcept;
};

HttpThread::State::~State()
{
	end_thread();
	for (const int bell : {requests_bell, ended_bell})
		if (bell >= 0)
			close(bell);
}

void
HttpThread::State::end_thread() noexcept
{
	if (!thread.joinable())
		return;
	{
		const std::lock_guard<std::mutex> lock(mutex);
		stop = true;
	}
	ring_bell(requests_bell);
	thread.join();
}

bool
HttpThread::State::open_client(const HttpClientOptions &options)
{
	requests_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ended_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	client.reset(HttpClient::create(options));
	if (requests_bell < 0 || ended_bell < 0 || !client)
		return false;
	const SignalGuard guard;
	thread = std::thread([this] { serve_requests(); });
	return true;
}

/* A request that cannot be started has ended: its response says so. */
void
HttpThread::State::start_all(std::vector<QueuedRequest> &batch) noexcept
{
	for (const QueuedRequest &queued : batch) {
		if (client->start_request(queued.kept_request()))
			continue;
		HttpResponse refused;
		refused.id = queued.request.id;
		refused.transport = Transport::not_sent;
		try {
			refused.error = "out of memory";
		} catch (const std::exception &) {
			/* no memory for the text either */
		}
		const std::lock_guard<std::mutex> lock(mutex);
		ended.push_back(std::move(refused));
	}
	batch.clear();
}

/* Hands what has ended to the owner. */
void
HttpThread::State::publish_responses() noexcept
{
	const std::lock_guard<std::mutex> lock(mutex);
	HttpResponse response;
	while (client->take_response(response))
		ended.push_back(std::move(response));
	if (!ended.empty() && !rung) {
		rung = true;
		ring_bell(ended_bell);
	}
}

void
HttpThread::State::serve_requests() noexcept
{
	pthread_setname_np(pthread_self(), "whatsapp http");
	std::vector<QueuedRequest> batch;
	for (;;) {
		{
			const std::lock_guard<std::mutex> lock(mutex);
			if (stop)
				return;
			sleeping = false;
			batch.swap(requests);
		}
		long timeout_ms;
		{
			const std::lock_guard<std::mutex> lock(client_mutex);
			start_all(batch);
			client->serve_ready();
			publish_responses();
			timeout_ms = client->timeout_ms();
		}
		{
			const std::lock_guard<std::mutex> lock(mutex);
			if (!requests.empty() || stop)
				continue;
			sleeping = true;
		}
		pollfd ready[] = {{requests_bell, POLLIN, 0}, {client->descriptor(), POLLIN, 0}};
		if (poll(ready, 2, static_cast<int>(timeout_ms)) > 0 && (ready[0].revents & POLLIN))
			silence_bell(requests_bell);
	}
}

/* Room for one answer more in both lists, which change places: an answer must not be lost because
 * there is no memory for it. */
void
HttpThread::State::make_room()
{
	if (taken.capacity() > in_flight && room > in_flight)
		return;
	taken.reserve(2 * in_flight + 64);
	const std::lock_guard<std::mutex> lock(mutex);
	ended.reserve(2 * in_flight + 64);
	room = ended.capacity();
}

/* False: the thread is using the client just now, or the request could not be started. */
bool
HttpThread::State::send_now(const HttpRequest &request) noexcept
{
	const std::unique_lock<std::mutex> lock(client_mutex, std::try_to_lock);
	if (!lock.owns_lock() || !client->start_request(request))
		return false;
	client->serve_ready();
	/* the thread sleeps, and has to reckon with the time-out of this request, too */
	ring_bell(requests_bell);
	return true;
}

HttpThread *
HttpThread::create(const HttpClientOptions &options) noexcept
{
	try {
		auto state = std::make_unique<State>();
		if (!state->open_client(options))
			return nullptr;
		auto *made = new HttpThread(state.get());
		(void)state.release();
		return made;
	} catch (const std::exception &) {
		return nullptr;
	}
}

HttpThread::~HttpThread()
{
	delete state_;
}

void
HttpThread::stop_thread() noexcept
{
	state_->end_thread();
}

void
HttpThread::set_options(const HttpClientOptions &options) noexcept
{
	const std::lock_guard<std::mutex> lock(state_->client_mutex);
	state_->client->set_options(options);
}

bool
HttpThread::start_request(const HttpRequest &request) noexcept
{
	State &state = *state_;
	try {
		if (!state.destination || state.destination->url != request.url ||
		    state.destination->token != request.bearer_token) {
			if (!url_allowed(request.url) || !token_allowed(request.bearer_token))
				return false;
			state.destination =
			    std::make_shared<const Destination>(request.url, request.bearer_token);
		}
		HttpRequest asked = request;
		asked.asked_us = steady_clock_us();
		state.make_room();
		if (state.in_flight == 0 && state.send_now(asked)) {
			state.in_flight++;
			return true;
		}
		QueuedRequest queued{asked, state.destination, std::string(request.body),
		                     std::string(request.content_type)};
		bool wake;
		{
			const std::lock_guard<std::mutex> lock(state.mutex);
			state.requests.push_back(std::move(queued));
			wake = std::exchange(state.sleeping, false);
		}
		state.in_flight++;
		if (wake)
			ring_bell(state.requests_bell);
	} catch (const std::exception &) {
		return false;
	}
	return true;
}

int
HttpThread::descriptor() const noexcept
{
	return state_->ended_bell;
}

bool
HttpThread::take_response(HttpResponse &response) noexcept
{
	State &state = *state_;
	if (state.next_taken == state.taken.size()) {
		state.taken.clear();
		state.next_taken = 0;
		const std::lock_guard<std::mutex> lock(state.mutex);
		state.room = state.taken.capacity();
		state.taken.swap(state.ended);
		if (std::exchange(state.rung, false))
			silence_bell(state.ended_bell);
	}
	if (state.next_taken == state.taken.size())
		return false;
	response = std::move(state.taken[state.next_taken++]);
	state.in_flight--;
	return true;
}

std::size_t
HttpThread::in_flight() const noexcept
{
	return state_->in_flight;
}

} // namespace whatsapp::net
