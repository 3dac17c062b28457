/*
 * http_thread_test.cpp — requests leave and answers come while the owner does nothing.
 *
 * The same tests run under ThreadSanitizer (make -C test/unit threads).
 */
#include "net/client/http_thread.hpp"

#include "client_fixture.hpp"
#include "deaf_threads.hpp"
#include "fake_server.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

#include <poll.h>

namespace whatsapp::net
{
namespace
{

Action
echo(const std::string &text)
{
	return {Action::keep, ok_answer(text.substr(text.find("\r\n\r\n") + 4))};
}

/* Lets a server's threads wait for what the test does, or the other way round. */
class Gate
{
public:
	void
	count()
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		counted_++;
		changed_.notify_all();
	}

	bool
	wait_for(int wanted)
	{
		std::unique_lock<std::mutex> lock(mutex_);
		return changed_.wait_for(lock, patience, [&] { return counted_ >= wanted; });
	}

private:
	std::mutex mutex_;
	std::condition_variable changed_;
	int counted_ = 0;
};

class HttpThreadTest : public ClientFixture<HttpThread>
{
protected:
	void
	take_all()
	{
		HttpResponse response;
		while (client->take_response(response)) {
			EXPECT_EQ(responses.count(response.id), 0u) << "answered twice";
			responses[response.id] = std::move(response);
		}
	}

	/* Waits as the owner does, for the descriptor alone. */
	void
	wait_until_in_flight(std::size_t most)
	{
		const auto deadline = Clock::now() + patience;
		for (take_all(); client->in_flight() > most; take_all()) {
			const auto left =
			    std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
			ASSERT_GT(left, 0) << "the descriptor was quiet for too long";
			pollfd ready{client->descriptor(), POLLIN, 0};
			poll(&ready, 1, static_cast<int>(left));
		}
	}
};

TEST_F(HttpThreadTest, ServesItsSocketsWhileTheOwnerIsBusy)
{
	constexpr int count = 500;
	Gate seen;
	FakeServer server([&](int, int, const std::string &text) {
		seen.count();
		return echo(text);
	});
	HttpClientOptions options;
	options.max_connections = 8;
	make(options);
	for (std::uint64_t id = 1; id <= count; id++)
		ASSERT_TRUE(start(id, server.url(), "body " + std::to_string(id), id % 2 ? "odd" : "even"));
	/* nothing is taken: every request but the first ones leaves by the answers to others */
	ASSERT_TRUE(seen.wait_for(count));
	EXPECT_EQ(client->in_flight(), static_cast<std::size_t>(count));
	wait_until_in_flight(0);
	ASSERT_EQ(responses.size(), static_cast<std::size_t>(count));
	for (const auto &[id, response] : responses) {
		EXPECT_EQ(response.transport, Transport::answered);
		EXPECT_EQ(response.body, "body " + std::to_string(id));
		EXPECT_LE(response.queued_us, response.elapsed_us);
	}
	std::ptrdiff_t odd = 0;
	for (const std::string &text : server.requests())
		odd += text.find("Bearer odd\r\n") != std::string::npos;
	EXPECT_EQ(odd, count / 2);
	EXPECT_LE(server.connections(), 8);
}

/* By both ways in turn: the owner's own hands when little is under way, the thread's otherwise. */
TEST_F(HttpThreadTest, BurstsOfEverySizeAreAnsweredOnce)
{
	FakeServer server([](int, int, const std::string &text) { return echo(text); });
	HttpClientOptions options;
	options.max_connections = 100;
	make(options);
	std::uint64_t id = 0;
	for (int round = 0; round < 200; round++) {
		const int burst = round % 7 == 0 ? 60 : round % 7;
		for (int i = 0; i < burst; i++, id++)
			ASSERT_TRUE(start(id, server.url(), std::to_string(id)));
		wait_until_in_flight(static_cast<std::size_t>(round % 5));
	}
	wait_until_in_flight(0);
	ASSERT_EQ(responses.size(), id);
	for (const auto &[one, response] : responses)
		EXPECT_EQ(response.body, std::to_string(one));
	EXPECT_EQ(server.requests().size(), id);
}

/* The thread sleeps without an end when the first request is sent past it. */
TEST_F(HttpThreadTest, ASilentServerIsGivenUpInTime)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::hang, ""}; });
	HttpClientOptions options;
	options.request_timeout_ms = 200;
	make(options);
	ASSERT_TRUE(start(1, server.url()));
	wait_until_in_flight(0);
	EXPECT_EQ(responses[1].transport, Transport::unknown);
	EXPECT_GE(responses[1].elapsed_us, 190000);

	options.request_timeout_ms = 60000;
	client->set_options(options);
	ASSERT_TRUE(start(2, server.url()));
	options.request_timeout_ms = 200;
	client->set_options(options);
	ASSERT_TRUE(start(3, server.url()));
	wait_until_in_flight(1);
	EXPECT_EQ(responses.count(3), 1u);
	EXPECT_EQ(responses.count(2), 0u);
}

/* Whether it is sent at once or waits for the thread. */
TEST_F(HttpThreadTest, ARequestLeavesWithAllThatItHas)
{
	Gate open;
	FakeServer server([&](int, int, const std::string &text) {
		open.wait_for(1);
		return echo(text);
	});
	make();
	for (std::uint64_t id = 1; id <= 3; id++) {
		HttpRequest request;
		std::string type = "text/plain; n=" + std::to_string(id);
		request.id = id;
		const std::string url = server.url();
		request.url = url;
		request.bearer_token = "EAAtoken";
		request.body = "twelve bytes";
		request.content_type = type;
		request.is_upload = true;
		request.max_response_bytes = id == 3 ? 11 : 12;
		ASSERT_TRUE(client->start_request(request));
		type.assign(type.size(), '-');
	}
	open.count();
	wait_until_in_flight(0);
	EXPECT_EQ(responses[1].body, "twelve bytes");
	EXPECT_EQ(responses[2].body, "twelve bytes");
	EXPECT_EQ(responses[3].error, "response too large");
	std::string all;
	for (const std::string &text : server.requests()) {
		EXPECT_NE(text.find("Authorization: OAuth EAAtoken\r\n"), std::string::npos) << text;
		EXPECT_NE(text.find("file_offset: 0\r\n"), std::string::npos) << text;
		all += text;
	}
	for (const char *type : {"text/plain; n=1\r\n", "text/plain; n=2\r\n", "text/plain; n=3\r\n"})
		EXPECT_NE(all.find(type), std::string::npos) << type;
}

TEST_F(HttpThreadTest, RefusesAtOnceWhatMayNotLeave)
{
	make();
	EXPECT_FALSE(start(1, "http://example.com/messages"));
	EXPECT_FALSE(start(1, "https://example.com/messages", "{}", "two\r\nlines"));
	EXPECT_FALSE(start(1, "https://example.com/messages", "{}", ""));
	EXPECT_EQ(client->in_flight(), 0u);
}

TEST_F(HttpThreadTest, RefusedConnectionsAreNotSent)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const sockaddr_in address = loopback(0);
	ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	const std::string url = "http://127.0.0.1:" + std::to_string(port_of(fd)) + "/messages";
	make();
	for (std::uint64_t id = 1; id <= 40; id++)
		ASSERT_TRUE(start(id, url));
	wait_until_in_flight(0);
	close(fd);
	ASSERT_EQ(responses.size(), 40u);
	for (const auto &[id, response] : responses)
		EXPECT_EQ(response.transport, Transport::not_sent);
}

/* Answers of any size and in any number: nothing of them is read while nothing has ended. */
TEST_F(HttpThreadTest, TheDescriptorIsQuietWhenAllIsTaken)
{
	Gate open;
	FakeServer server([&](int, int, const std::string &text) {
		open.wait_for(1);
		return echo(text);
	});
	make();
	ASSERT_TRUE(start(1, server.url()));
	pollfd ready{client->descriptor(), POLLIN, 0};
	EXPECT_EQ(poll(&ready, 1, 0), 0);
	open.count();
	ASSERT_EQ(poll(&ready, 1, static_cast<int>(patience.count())), 1);
	take_all();
	EXPECT_EQ(responses.size(), 1u);
	EXPECT_EQ(poll(&ready, 1, 0), 0);
}

TEST_F(HttpThreadTest, StopsWithRequestsUnderWay)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::hang, ""}; });
	const auto before = thread_ids();
	make();
	for (std::uint64_t id = 1; id <= 50; id++)
		ASSERT_TRUE(start(id, server.url()));
	const auto begin = Clock::now();
	client->stop_thread();
	EXPECT_LT(Clock::now() - begin, milliseconds(1000));
	client->stop_thread();
	client.reset();
}

TEST_F(HttpThreadTest, ItsThreadIsDeaf)
{
	const auto known = thread_ids();
	int seen = 0;
	make();
	expect_deaf_threads(known, seen);
	EXPECT_GE(seen, 1);
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, nullptr, &mask);
	EXPECT_FALSE(sigismember(&mask, SIGTERM));
}

} // namespace
} // namespace whatsapp::net
