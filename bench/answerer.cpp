/*
 * answerer.cpp — a Cloud API that says yes to every message, as fast as it can or after a delay,
 * and keeps a book of what came. One thread, so that it takes one core at most.
 *
 *   answerer [--port N] [--delay-ms N] [--port-file FILE] [--tls-port N --certificate FILE --key
 * FILE] [--kernel-times yes]
 *
 * Port 0 is a free one. With kernel times, a request on the plain port has arrived when its bytes
 * had, and not when this process woke up for them. The file gets "PORT TLS_PORT". On the plain
 * port, paths below /_answerer/ speak to the answerer itself: stats, reset, arrivals, delay/MS,
 * wait/REQUESTS.
 */
#include "book.hpp"
#include "connection.hpp"
#include "options.hpp"
#include "secure_connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace bench
{

namespace
{

constexpr int max_events = 512;

class Answerer : public Desk
{
public:
	explicit Answerer(const Options &options);
	[[noreturn]] void run();

	void message(Connection &from, std::int32_t stream, std::string_view body) override;
	bool question(Connection &from, std::string_view path, std::string &answer) override;
	void watch(Connection &connection, bool write) override;

private:
	/* Whom an answer is for, when he is still there by then. */
	struct Place {
		int descriptor;
		std::uint64_t serial;
		std::int32_t stream;
	};
	struct Delayed {
		std::int64_t due_us;
		Place place;
		std::string body;
	};
	struct Waiting {
		std::size_t requests;
		Place place;
	};

	int listen_on(long port, long &bound);
	void accept_all(int listener);
	void serve(int descriptor, std::uint32_t events);
	Connection *at(const Place &place);
	void give(const Place &place, std::string_view body);
	void answer_due();
	void answer_waiting();

	std::string
	stats() const
	{
		return book_.stats(connections_.size(), peak_);
	}

	Book book_;
	int epoll_;
	int plain_ = -1;
	int secure_ = -1;
	std::unique_ptr<TlsContext> tls_;
	std::int64_t delay_us_;
	bool kernel_times_;
	std::uint64_t serials_ = 0;
	std::size_t peak_ = 0;
	std::unordered_map<int, std::unique_ptr<Connection>> connections_;
	/* in the order of time, since the delay is one for all */
	std::deque<Delayed> delayed_;
	std::vector<Waiting> waiting_;
};

Answerer::Answerer(const Options &options)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), delay_us_(options.number("delay-ms", 0) * 1000),
      kernel_times_(options.has("kernel-times"))
{
	long port = 0, tls_port = 0;
	plain_ = listen_on(options.number("port", 0), port);
	if (options.has("certificate")) {
		tls_ = std::make_unique<TlsContext>(options.text("certificate"), options.text("key"));
		secure_ = listen_on(options.number("tls-port", 0), tls_port);
	}
	const std::string file = options.text("port-file");
	if (file.empty())
		return;
	std::FILE *out = std::fopen((file + ".new").c_str(), "w");
	if (out == nullptr)
		Options::fail("cannot write " + file + ": " + std::strerror(errno));
	std::fprintf(out, "%ld %ld\n", port, tls_port);
	std::fclose(out);
	std::rename((file + ".new").c_str(), file.c_str());
}

int
Answerer::listen_on(long port, long &bound)
{
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_port = htons(static_cast<std::uint16_t>(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t size = sizeof address;
	epoll_event event{};
	event.events = EPOLLIN;
	event.data.fd = listener;
	if (bind(listener, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
	    listen(listener, 4096) != 0 ||
	    getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size) != 0 ||
	    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener, &event) != 0)
		Options::fail("cannot listen on port " + std::to_string(port) + ": " +
		              std::strerror(errno));
	bound = ntohs(address.sin_port);
	return listener;
}

void
Answerer::accept_all(int listener)
{
	for (;;) {
		const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (descriptor < 0)
			return;
		const int on = 1;
		setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		std::unique_ptr<Connection> made;
		if (listener == secure_)
			made = std::make_unique<SecureConnection>(descriptor, ++serials_, *this, *tls_);
		else
			made = std::make_unique<PlainConnection>(descriptor, ++serials_, *this);
		const int yes = 1;
		if (kernel_times_)
			setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
		epoll_event event{};
		event.events = EPOLLIN;
		event.data.fd = descriptor;
		epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
		connections_[descriptor] = std::move(made);
		peak_ = std::max(peak_, connections_.size());
	}
}

void
Answerer::watch(Connection &connection, bool write)
{
	if (connection.watched_for_write == write)
		return;
	connection.watched_for_write = write;
	epoll_event event{};
	event.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN;
	event.data.fd = connection.descriptor();
	epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.descriptor(), &event);
}

void
Answerer::message(Connection &from, std::int32_t stream, std::string_view body)
{
	if (delay_us_ == 0)
		from.answer(stream, book_.take(body, from.arrived_us()));
	else
		delayed_.push_back({monotonic_us() + delay_us_,
		                    {from.descriptor(), from.serial(), stream},
		                    book_.take(body, from.arrived_us())});
}

bool
Answerer::question(Connection &from, std::string_view path, std::string &answer)
{
	const auto number = [&path](std::size_t at) {
		return std::strtoll(std::string(path.substr(at)).c_str(), nullptr, 10);
	};
	if (path.rfind("wait/", 0) == 0) {
		waiting_.push_back(
		    {static_cast<std::size_t>(number(5)), {from.descriptor(), from.serial(), 0}});
		return false;
	}
	if (path.rfind("delay/", 0) == 0)
		delay_us_ = number(6) * 1000;
	else if (path == "reset") {
		book_.reset();
		peak_ = connections_.size();
	}
	answer = path == "arrivals" ? book_.arrivals() : stats();
	return true;
}

Connection *
Answerer::at(const Place &place)
{
	const auto found = connections_.find(place.descriptor);
	if (found == connections_.end() || found->second->serial() != place.serial)
		return nullptr;
	return found->second.get();
}

void
Answerer::give(const Place &place, std::string_view body)
{
	Connection *connection = at(place);
	if (connection == nullptr)
		return;
	connection->answer(place.stream, body);
	if (!connection->write())
		connections_.erase(place.descriptor);
}

void
Answerer::answer_due()
{
	while (!delayed_.empty() && delayed_.front().due_us <= monotonic_us()) {
		const Delayed due = std::move(delayed_.front());
		delayed_.pop_front();
		give(due.place, due.body);
	}
}

void
Answerer::answer_waiting()
{
	for (std::size_t i = 0; i < waiting_.size();) {
		if (book_.requests() < waiting_[i].requests) {
			i++;
			continue;
		}
		const Place place = waiting_[i].place;
		waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
		give(place, stats());
	}
}

void
Answerer::serve(int descriptor, std::uint32_t events)
{
	if (descriptor == plain_ || descriptor == secure_) {
		accept_all(descriptor);
		return;
	}
	const auto found = connections_.find(descriptor);
	if (found == connections_.end())
		return;
	Connection &connection = *found->second;
	const bool lives = events & EPOLLIN ? connection.read() : connection.write();
	if (!lives || (events & (EPOLLERR | EPOLLHUP)))
		connections_.erase(found);
}

void
Answerer::run()
{
	epoll_event events[max_events];
	for (;;) {
		int timeout_ms = -1;
		if (!delayed_.empty()) {
			const std::int64_t left_us = delayed_.front().due_us - monotonic_us();
			timeout_ms = left_us <= 0 ? 0 : static_cast<int>((left_us + 999) / 1000);
		}
		const int count = epoll_wait(epoll_, events, max_events, timeout_ms);
		for (int i = 0; i < count; i++)
			serve(events[i].data.fd, events[i].events);
		answer_due();
		answer_waiting();
	}
}

} // namespace

} // namespace bench

int
main(int argc, char **argv)
{
	const bench::Options options(argc, argv, {});
	bench::die_with_parent();
	std::signal(SIGPIPE, SIG_IGN);
	rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	bench::Answerer(options).run();
}
