/*
 * deliverer.cpp — sends status webhooks over a number of connections, on each the next one when the
 * last was answered, and counts the 200s.
 *
 *   deliverer --port N --messages FILE --status WORD --secret TEXT [--connections N] [--batch N]
 *
 * All requests are made and signed before the clock starts. Prints one line of JSON.
 */
#include "book.hpp"
#include "delivery.hpp"
#include "options.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench
{

namespace
{

constexpr int max_events = 256;

class Deliverer
{
public:
	explicit Deliverer(const Options &options);
	void run();

private:
	struct Line {
		int descriptor = -1;
		const std::string *request = nullptr;
		std::size_t sent = 0;
		std::int64_t began_us = 0;
		std::string answer;
		bool waits_for_room = false;
	};

	void open(Line &line);
	void next(Line &line);
	void send_rest(Line &line);
	void receive(Line &line);
	void watch(Line &line, int how, bool write);

	const Options &options_;
	int epoll_;
	std::size_t statuses_ = 0;
	std::size_t started_ = 0;
	std::size_t refused_ = 0;
	std::vector<std::string> requests_;
	std::vector<std::int64_t> times_us_;
	std::vector<std::unique_ptr<Line>> lines_;
};

Deliverer::Deliverer(const Options &options)
    : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC))
{
	const std::vector<SentMessage> messages = read_messages(options.text("messages"));
	const auto batch = static_cast<std::size_t>(options.number("batch", 1));
	for (std::size_t at = 0; at < messages.size(); at += batch)
		requests_.push_back(status_request(messages, at, std::min(batch, messages.size() - at),
		                                   options.text("status"), options.text("secret")));
	statuses_ = messages.size();
	times_us_.reserve(requests_.size());
	for (long i = 0; i < options.number("connections", 64); i++)
		lines_.push_back(std::make_unique<Line>());
}

void
Deliverer::watch(Line &line, int how, bool write)
{
	epoll_event event{};
	event.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN;
	event.data.ptr = &line;
	epoll_ctl(epoll_, how, line.descriptor, &event);
}

void
Deliverer::open(Line &line)
{
	line.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_port = htons(static_cast<std::uint16_t>(options_.number("port", 0)));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(line.descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
		Options::fail(std::string("cannot connect: ") + std::strerror(errno));
	const int on = 1;
	setsockopt(line.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	watch(line, EPOLL_CTL_ADD, false);
}

void
Deliverer::next(Line &line)
{
	line.request = nullptr;
	if (started_ == requests_.size())
		return;
	line.request = &requests_[started_++];
	line.sent = 0;
	line.answer.clear();
	line.began_us = monotonic_us();
	send_rest(line);
}

void
Deliverer::send_rest(Line &line)
{
	while (line.sent < line.request->size()) {
		const ssize_t count = send(line.descriptor, line.request->data() + line.sent,
		                           line.request->size() - line.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count < 0 && errno == EAGAIN)
			break;
		if (count < 0)
			Options::fail(std::string("cannot send: ") + std::strerror(errno));
		line.sent += static_cast<std::size_t>(count);
	}
	const bool more = line.sent < line.request->size();
	if (more != line.waits_for_room)
		watch(line, EPOLL_CTL_MOD, more);
	line.waits_for_room = more;
}

/* Answers have no body worth reading: the next request goes out only after them, so what comes is
 * one answer. */
void
Deliverer::receive(Line &line)
{
	if (line.request == nullptr) {
		/* its work is done; the other side may close it as idle */
		epoll_ctl(epoll_, EPOLL_CTL_DEL, line.descriptor, nullptr);
		return;
	}
	char data[4096];
	const ssize_t count = recv(line.descriptor, data, sizeof data, MSG_DONTWAIT);
	if (count < 0 && errno == EAGAIN)
		return;
	if (count <= 0)
		Options::fail("a connection was closed before its answer");
	line.answer.append(data, static_cast<std::size_t>(count));
	const std::size_t head = line.answer.find("\r\n\r\n");
	if (head == std::string::npos)
		return;
	std::size_t length = 0;
	for (const char *name : {"\r\nContent-Length:", "\r\ncontent-length:"}) {
		const std::size_t at = line.answer.find(name);
		if (at < head)
			length = std::strtoul(line.answer.c_str() + at + std::strlen(name), nullptr, 10);
	}
	if (line.answer.size() < head + 4 + length)
		return;
	if (line.answer.compare(0, 12, "HTTP/1.1 200") != 0 && refused_++ == 0)
		std::fprintf(stderr, "%s\n", line.answer.c_str());
	times_us_.push_back(monotonic_us() - line.began_us);
	next(line);
}

void
Deliverer::run()
{
	for (auto &line : lines_)
		open(*line);
	const std::int64_t began_us = monotonic_us();
	for (auto &line : lines_)
		next(*line);
	epoll_event events[max_events];
	while (times_us_.size() < requests_.size()) {
		const int count = epoll_wait(epoll_, events, max_events, 60000);
		if (count == 0)
			Options::fail("no answer for a minute");
		for (int i = 0; i < count; i++) {
			Line &line = *static_cast<Line *>(events[i].data.ptr);
			if (line.request != nullptr && (events[i].events & EPOLLOUT))
				send_rest(line);
			if (events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT))
				receive(line);
		}
	}
	const double seconds = static_cast<double>(monotonic_us() - began_us) / 1e6;
	std::sort(times_us_.begin(), times_us_.end());
	const auto at = [this](double share) {
		const auto place = share * static_cast<double>(times_us_.size() - 1);
		return static_cast<double>(times_us_[static_cast<std::size_t>(place)]) / 1e3;
	};
	std::printf(
	    R"({"deliveries":%zu,"refused":%zu,"statuses":%zu,"seconds":%.6f,"rate":%.1f,"median_ms":%.3f,"p99_ms":%.3f})"
	    "\n",
	    times_us_.size(), refused_, statuses_, seconds, static_cast<double>(statuses_) / seconds,
	    at(0.5), at(0.99));
}

} // namespace

} // namespace bench

int
main(int argc, char **argv)
{
	const bench::Options options(argc, argv, {});
	bench::die_with_parent();
	rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	bench::Deliverer(options).run();
}
