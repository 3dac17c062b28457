/*
 * http_client_test.cpp — the client against a server that answers, hangs, lies and dies on cue.
 *
 * No test sleeps: waits end with the event, or with a deadline that fails.
 */
#include "net/client/http_client.hpp"

#include "core/base/url.hpp"

#include "client_fixture.hpp"
#include "deaf_threads.hpp"
#include "fake_server.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <gtest/gtest.h>

namespace whatsapp::net
{
namespace
{

class HttpClientTest : public ClientFixture<HttpClient>
{
protected:
	/* Waits as the owner does, until every request has ended or done() says so. */
	void
	drive(const std::function<bool()> &done)
	{
		const auto deadline = Clock::now() + patience;
		while (!done()) {
			ASSERT_LT(Clock::now(), deadline) << "nothing happened for too long";
			const long wait = client->timeout_ms();
			pollfd ready{client->descriptor(), POLLIN, 0};
			poll(&ready, 1, static_cast<int>(wait < 0 ? 50 : std::min(wait, 50L)));
			const auto before = Clock::now();
			client->serve_ready();
			longest_run = std::max(longest_run, Clock::now() - before);
			HttpResponse response;
			while (client->take_response(response))
				responses[response.id] = std::move(response);
		}
	}

	void
	drive()
	{
		drive([this] { return client->in_flight() == 0; });
	}

	const HttpResponse &
	only(const std::string &url, const std::string &body = "{}")
	{
		EXPECT_TRUE(start(1, url, body));
		drive();
		return responses[1];
	}

	Clock::duration longest_run{};
};

TEST_F(HttpClientTest, SendsWhatWasAsked)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::keep,
		              ok_answer("{\"messages\":[]}", "RETRY-AFTER:  17 \r\n"
		                                             "X-Business-Use-Case-Usage: {\"1\":[]}\r\n")};
	});
	make();
	const HttpResponse &response = only(server.url("/v23.0/1/messages"), "{\"a\":1}");
	EXPECT_EQ(response.transport, Transport::answered);
	EXPECT_EQ(response.status, 200);
	EXPECT_EQ(response.body, "{\"messages\":[]}");
	EXPECT_EQ(response.retry_after, "17");
	EXPECT_EQ(response.usage, "{\"1\":[]}");
	EXPECT_EQ(response.error, "");
	EXPECT_GT(response.elapsed_us, 0);
	ASSERT_EQ(server.requests().size(), 1u);
	const std::string sent = server.requests()[0];
	EXPECT_EQ(sent.find("POST /v23.0/1/messages HTTP/1.1\r\n"), 0u);
	EXPECT_NE(sent.find("\r\nAuthorization: Bearer EAAtoken\r\n"), std::string::npos);
	EXPECT_NE(sent.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
	EXPECT_NE(sent.find("\r\nUser-Agent: pg_whatsapp\r\n"), std::string::npos);
	EXPECT_EQ(sent.find("Expect:"), std::string::npos);
	EXPECT_EQ(sent.find("Accept:"), std::string::npos);
	EXPECT_EQ(sent.substr(sent.size() - 11), "\r\n\r\n{\"a\":1}");
	EXPECT_EQ(client->timeout_ms(), -1);
}

/* A pooled handle has been used for another method before. */
TEST_F(HttpClientTest, MethodsChangeFromRequestToRequest)
{
	FakeServer server([](int, int, const std::string &text) {
		return Action{Action::keep, ok_answer(text.substr(0, text.find(' ')))};
	});
	make();
	std::uint64_t id = 0;
	for (const HttpMethod method :
	     {HttpMethod::get, HttpMethod::post, HttpMethod::del, HttpMethod::get, HttpMethod::del,
	      HttpMethod::post, HttpMethod::post}) {
		HttpRequest request;
		request.id = ++id;
		request.method = method;
		const std::string url = server.url("/v23.0/1/message_templates?limit=100");
		request.url = url;
		request.bearer_token = "EAAtoken";
		request.body = method == HttpMethod::post ? "{\"a\":1}" : "";
		ASSERT_TRUE(client->start_request(request));
		drive();
		const char *names[] = {"POST", "GET", "DELETE"};
		EXPECT_EQ(responses[id].body, names[static_cast<int>(method)]);
		const std::string sent = server.requests().back();
		EXPECT_NE(sent.find(" /v23.0/1/message_templates?limit=100 HTTP/1.1\r\n"),
		          std::string::npos);
		EXPECT_EQ(sent.substr(sent.find("\r\n\r\n") + 4), request.body);
	}
	EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ARequestMayHaveATimeOfItsOwn)
{
	FakeServer server([](int, int, const std::string &text) {
		return text.find("/slow") != std::string::npos ? Action{Action::hang, ""}
		                                               : Action{Action::keep, ok_answer("ok")};
	});
	make();
	HttpRequest request;
	request.id = 1;
	const std::string slow = server.url("/slow");
	request.url = slow;
	request.bearer_token = "EAAtoken";
	request.timeout_ms = 200;
	const auto before = Clock::now();
	ASSERT_TRUE(client->start_request(request));
	drive();
	EXPECT_EQ(responses[1].transport, Transport::unknown);
	EXPECT_LT(Clock::now() - before, milliseconds(5000));
	/* the next one on this handle has the usual time again */
	EXPECT_EQ(only(server.url("/fast")).body, "ok");
}

TEST_F(HttpClientTest, ManyRequestsShareFewConnections)
{
	constexpr std::uint64_t count = 600;
	FakeServer server([](int, int, const std::string &text) {
		return Action{Action::keep, ok_answer(text.substr(text.find("\r\n\r\n") + 4))};
	});
	HttpClientOptions options;
	options.max_connections = 4;
	make(options);
	for (std::uint64_t id = 1; id <= count; id++)
		ASSERT_TRUE(start(id, server.url(), "body " + std::to_string(id), id % 2 ? "odd" : "even"));
	EXPECT_EQ(client->in_flight(), count);
	drive();
	ASSERT_EQ(responses.size(), count);
	for (const auto &[id, response] : responses) {
		EXPECT_EQ(response.transport, Transport::answered);
		EXPECT_EQ(response.body, "body " + std::to_string(id));
	}
	EXPECT_LE(server.connections(), 4);
	std::size_t odd = 0;
	for (const std::string &text : server.requests())
		odd += text.find("Bearer odd\r\n") != std::string::npos;
	EXPECT_EQ(odd, count / 2);
}

/* A multi handle of libcurl has some of them only; together they are as many as asked for. */
TEST_F(HttpClientTest, ManyConnectionsAreUsedAtOnceAndNotOneMore)
{
	constexpr int count = 130;
	std::mutex mutex;
	std::condition_variable all_there;
	int waiting = 0;
	FakeServer server([&](int, int, const std::string &) {
		std::unique_lock<std::mutex> lock(mutex);
		if (++waiting == count)
			all_there.notify_all();
		all_there.wait_for(lock, patience, [&] { return waiting >= count; });
		return Action{Action::keep, ok_answer("{}")};
	});
	HttpClientOptions options;
	options.max_connections = count;
	make(options);
	for (std::uint64_t id = 1; id <= count; id++)
		ASSERT_TRUE(start(id, server.url()));
	drive([&] { return responses.size() == count; });
	EXPECT_EQ(server.connections(), count);
	for (std::uint64_t id = 1; id <= 4 * count; id++)
		ASSERT_TRUE(start(id, server.url()));
	drive();
	EXPECT_EQ(server.connections(), count);
	for (const auto &[id, response] : responses)
		EXPECT_EQ(response.transport, Transport::answered) << response.error;

	/* fewer from now on: those that are open beyond that get no more requests */
	options.max_connections = 1;
	client->set_options(options);
	for (std::uint64_t id = 1; id <= 10; id++)
		ASSERT_TRUE(start(id, server.url()));
	drive();
	EXPECT_EQ(server.connections(), count);
}

/* The number of a closed socket is given to the next one, which may be another multi handle's. */
TEST_F(HttpClientTest, ConnectionsThatEndMakeRoomForOthers)
{
	FakeServer server([](int, int request, const std::string &) {
		return request % 3 == 0 ? Action{Action::close_it, ok_answer("{}", "Connection: close\r\n")}
		                        : Action{Action::keep, ok_answer("{}")};
	});
	HttpClientOptions options;
	options.max_connections = 200;
	make(options);
	std::uint64_t id = 0;
	for (int round = 0; round < 10; round++) {
		while (client->in_flight() < 200)
			ASSERT_TRUE(start(++id, server.url()));
		drive([&] { return client->in_flight() < 50; });
	}
	drive();
	ASSERT_EQ(responses.size(), id);
	for (const auto &[one, response] : responses)
		EXPECT_EQ(response.transport, Transport::answered) << response.error;
	EXPECT_EQ(server.requests().size(), id);
}

/* libcurl 8.22 (not 8.14) takes a connection for alive without a look when it was looked at within
 * the last second; then the request is in doubt, though never sent twice. */
void
expect_answer_after_close(const HttpResponse &response)
{
	const bool always_looks = curl_version_info(CURLVERSION_NOW)->version_num < 0x080f00;
	if (always_looks || response.transport != Transport::unknown) {
		EXPECT_EQ(response.transport, Transport::answered) << response.error;
	}
}

/* What the server closes while nobody uses it is noticed once, and not for ever. */
TEST_F(HttpClientTest, AnIdleConnectionThatIsClosedKeepsNobodyAwake)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::close_it, ok_answer("{}")};
	});
	make();
	ASSERT_EQ(only(server.url()).transport, Transport::answered);
	drive([&] { return server.open_connections() == 0; });
	client->serve_ready();
	pollfd ready{client->descriptor(), POLLIN, 0};
	EXPECT_EQ(poll(&ready, 1, 0), 0);
	ASSERT_TRUE(start(2, server.url()));
	drive();
	expect_answer_after_close(responses[2]);
}

TEST_F(HttpClientTest, KeptAliveConnectionIsReused)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::keep, ok_answer("{}")};
	});
	make();
	for (std::uint64_t id = 1; id <= 20; id++) {
		ASSERT_TRUE(start(id, server.url()));
		drive();
		EXPECT_EQ(responses[id].status, 200);
	}
	EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, AnswersUpToTheLimitAndNoFurther)
{
	FakeServer server([](int, int, const std::string &text) {
		const std::size_t more = text.find("/more") != std::string::npos ? 1 : 0;
		return Action{Action::keep, ok_answer(std::string((2 << 20) + more, 'x'))};
	});
	HttpClientOptions options;
	options.max_response_bytes = 2 << 20;
	make(options);
	ASSERT_TRUE(start(1, server.url()));
	ASSERT_TRUE(start(2, server.url("/more")));
	drive();
	EXPECT_EQ(responses[1].transport, Transport::answered);
	EXPECT_EQ(responses[1].body.size(), 2u << 20);
	EXPECT_EQ(responses[2].transport, Transport::unknown);
	EXPECT_EQ(responses[2].status, 200);
	EXPECT_EQ(responses[2].error, "response too large");
}

TEST_F(HttpClientTest, BigBodyArrivesWhole)
{
	FakeServer server([](int, int, const std::string &text) {
		return Action{Action::keep, ok_answer(std::to_string(text.size()))};
	});
	make();
	const std::string body(3 << 20, 'b');
	EXPECT_EQ(only(server.url(), body).status, 200);
	ASSERT_EQ(server.requests().size(), 1u);
	EXPECT_EQ(server.requests()[0].substr(server.requests()[0].find("\r\n\r\n") + 4), body);
}

TEST_F(HttpClientTest, SilentServerIsUnknown)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::hang, ""}; });
	HttpClientOptions options;
	options.request_timeout_ms = 200;
	make(options);
	const HttpResponse &response = only(server.url());
	EXPECT_EQ(response.transport, Transport::unknown);
	EXPECT_EQ(response.status, 0);
	EXPECT_NE(response.error.find("waiting for the answer"), std::string::npos) << response.error;
	EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpClientTest, RefusedConnectionIsNotSent)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const sockaddr_in address = loopback(0);
	ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	make();
	const HttpResponse &response =
	    only("http://127.0.0.1:" + std::to_string(port_of(fd)) + "/messages");
	close(fd);
	EXPECT_EQ(response.transport, Transport::not_sent);
	EXPECT_NE(response.error, "");
}

TEST_F(HttpClientTest, UnansweredConnectIsNotSent)
{
	/* a full backlog drops the handshake */
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const sockaddr_in address = loopback(0);
	ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	ASSERT_EQ(listen(fd, 0), 0);
	const sockaddr_in bound = loopback(port_of(fd));
	std::vector<int> fillers;
	for (int i = 0; i < 4; i++) {
		fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		connect(fillers.back(), reinterpret_cast<const sockaddr *>(&bound), sizeof bound);
	}
	HttpClientOptions options;
	options.connect_timeout_ms = 200;
	make(options);
	const HttpResponse &response =
	    only("http://127.0.0.1:" + std::to_string(port_of(fd)) + "/messages");
	for (const int filler : fillers)
		close(filler);
	close(fd);
	EXPECT_EQ(response.transport, Transport::not_sent);
	EXPECT_NE(response.error.find("(connecting)"), std::string::npos) << response.error;
}

TEST_F(HttpClientTest, UnknownNameIsNotSentAndResolversAreDeaf)
{
	HttpClientOptions options;
	options.connect_timeout_ms = 2000;
	make(options);
	const auto known = thread_ids();
	int seen = 0;
	for (std::uint64_t id = 1; id <= 10; id++)
		ASSERT_TRUE(start(id, "https://no-such-host-" + std::to_string(id) + ".invalid/messages"));
	drive([&] {
		expect_deaf_threads(known, seen);
		return client->in_flight() == 0;
	});
	for (const auto &[id, response] : responses) {
		EXPECT_EQ(response.transport, Transport::not_sent);
		EXPECT_NE(response.error, "") << id;
	}
	/* a look-up that hangs must not hold the owner */
	EXPECT_LT(longest_run, milliseconds(1000));
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, nullptr, &mask);
	EXPECT_FALSE(sigismember(&mask, SIGTERM));
	RecordProperty("resolver_threads_seen", seen);
}

TEST_F(HttpClientTest, ResetAfterTheRequestIsUnknownAndSentOnce)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::reset_it, ""}; });
	make();
	EXPECT_EQ(only(server.url()).transport, Transport::unknown);
	EXPECT_EQ(server.requests().size(), 1u);
}

/* libcurl would send the second request again on a new connection, by itself and silently. */
TEST_F(HttpClientTest, ReusedConnectionThatDiesAfterTheRequestIsNotSentAgain)
{
	for (const Action::Then death : {Action::close_it, Action::reset_it}) {
		responses.clear();
		FakeServer server([death](int, int request, const std::string &) {
			return request == 1 ? Action{Action::keep, ok_answer("{}")} : Action{death, ""};
		});
		make();
		EXPECT_EQ(only(server.url(), "first").transport, Transport::answered);
		ASSERT_TRUE(start(2, server.url(), "second"));
		drive();
		EXPECT_EQ(responses[2].transport, Transport::unknown);
		EXPECT_NE(responses[2].error.find("not sent again"), std::string::npos)
		    << responses[2].error;
		const auto requests = server.requests();
		EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
		                        [](const std::string &text) {
			                        return text.find("second") != std::string::npos;
		                        }),
		          1);
	}
}

TEST_F(HttpClientTest, BigRequestOnADyingReusedConnectionIsNotSentAgain)
{
	FakeServer server([](int, int request, const std::string &) {
		return request == 1 ? Action{Action::keep, ok_answer("{}")} : Action{Action::close_it, ""};
	});
	make();
	EXPECT_EQ(only(server.url(), "first").transport, Transport::answered);
	ASSERT_TRUE(start(2, server.url(), std::string(1 << 20, 's')));
	drive();
	EXPECT_EQ(responses[2].transport, Transport::unknown);
	EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(HttpClientTest, IdleConnectionClosedByTheServerIsReplaced)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::close_it, ok_answer("{}")};
	});
	make();
	for (std::uint64_t id = 1; id <= 5; id++) {
		ASSERT_TRUE(start(id, server.url()));
		drive();
		expect_answer_after_close(responses[id]);
		/* From now on libcurl can see the end of the connection before it uses it again. A request
		 * that crosses with the close is another matter: nobody can tell what became of it. */
		drive([&] { return server.open_connections() == 0; });
	}
	EXPECT_LE(server.requests().size(), 5u);
}

TEST_F(HttpClientTest, ADateToRetryAfterIsTurnedIntoSeconds)
{
	const auto answer = [](const std::string &date) {
		return Action{Action::keep, ok_answer("{}", "Retry-After: " + date + "\r\n")};
	};
	FakeServer server([&](int, int, const std::string &text) {
		if (text.find("/past") != std::string::npos)
			return answer("Wed, 21 Oct 2015 07:28:00 GMT");
		if (text.find("/junk") != std::string::npos)
			return answer("soon");
		char date[64];
		const std::time_t at = std::time(nullptr) + 600;
		std::tm utc;
		std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &utc));
		return answer(date);
	});
	make();
	ASSERT_TRUE(start(1, server.url("/future")));
	ASSERT_TRUE(start(2, server.url("/past")));
	ASSERT_TRUE(start(3, server.url("/junk")));
	drive();
	const int seconds = std::stoi(responses[1].retry_after);
	EXPECT_GT(seconds, 400); /* or the machine is very slow */
	EXPECT_LE(seconds, 600);
	EXPECT_EQ(responses[2].retry_after, "0");
	EXPECT_EQ(responses[3].retry_after, "soon");
}

TEST_F(HttpClientTest, BrokenAnswersAreUnknown)
{
	FakeServer server([](int, int, const std::string &text) {
		if (text.find("/short") != std::string::npos)
			return Action{Action::close_it,
			              "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mess"};
		if (text.find("/interim") != std::string::npos)
			return Action{Action::close_it, "HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"};
		return Action{Action::close_it, "<html>no protocol</html>"};
	});
	make();
	ASSERT_TRUE(start(1, server.url("/short")));
	ASSERT_TRUE(start(2, server.url("/interim")));
	ASSERT_TRUE(start(3, server.url("/garbage")));
	drive();
	for (const auto &[id, response] : responses) {
		EXPECT_EQ(response.transport, Transport::unknown) << id;
		EXPECT_NE(response.error, "") << id;
	}
	EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(HttpClientTest, RedirectsAreAnswersAndNotFollowed)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::keep, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /other\r\n"
		                            "Content-Length: 0\r\n\r\n"};
	});
	make();
	EXPECT_EQ(only(server.url()).status, 307);
	EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpClientTest, FailedHandshakeIsNotSent)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::close_it, ""}; });
	HttpClientOptions options;
	options.connect_timeout_ms = 500;
	make(options);
	EXPECT_EQ(only("https" + server.url().substr(4)).transport, Transport::not_sent);
	EXPECT_EQ(server.requests().size(), 0u);
}

TEST_F(HttpClientTest, RequestThatNeverGotAConnectionIsNotSent)
{
	FakeServer server([](int, int, const std::string &) { return Action{Action::hang, ""}; });
	HttpClientOptions options;
	options.max_connections = 1;
	options.request_timeout_ms = 20000;
	make(options);
	ASSERT_TRUE(start(1, server.url()));
	drive([&] { return server.requests().size() == 1; });
	options.request_timeout_ms = 150;
	client->set_options(options);
	ASSERT_TRUE(start(2, server.url()));
	drive([&] { return client->in_flight() == 1; });
	EXPECT_EQ(responses[2].transport, Transport::not_sent);
	EXPECT_NE(responses[2].error.find("waiting for a free connection"), std::string::npos)
	    << responses[2].error;
	EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpClientTest, CanBeDroppedWithRequestsUnderWay)
{
	FakeServer server([](int, int request, const std::string &) {
		return request == 1 ? Action{Action::keep, ok_answer("{}")} : Action{Action::hang, ""};
	});
	make();
	for (std::uint64_t id = 1; id <= 50; id++)
		ASSERT_TRUE(start(id, server.url()));
	drive([&] { return server.requests().size() >= 10; });
	client.reset();
}

TEST_F(HttpClientTest, TokensThatCouldForgeHeadersAreRefused)
{
	make();
	for (const std::string &token :
	     {std::string(), std::string("a\nX-Evil: 1"), std::string("a\r"), std::string("a b"),
	      std::string("a\0b", 3), std::string("\t"), std::string("a\x7f")})
		EXPECT_FALSE(start(1, "http://127.0.0.1:1/", "{}", token));
	EXPECT_EQ(client->in_flight(), 0u);
	EXPECT_EQ(client->timeout_ms(), -1);
}

TEST_F(HttpClientTest, PlainHttpStaysOnThisMachine)
{
	make();
	for (const char *url :
	     {"http://graph.facebook.com/", "http://10.0.0.1/", "http://0.0.0.0/", "http://[::2]/",
	      "ftp://127.0.0.1/", "file:///etc/passwd", "", "127.0.0.1", "http://user@127.0.0.1/",
	      "https://", "https://a b/", "http://127.0.0.1.example.org/"}) {
		EXPECT_FALSE(url_allowed(url)) << url;
		EXPECT_FALSE(start(1, url)) << url;
	}
	for (const char *url : {"https://graph.facebook.com/v23.0/1/messages", "http://127.0.0.1:1/",
	                        "http://127.1.2.3/", "http://[::1]:8080/", "http://localhost:9/"})
		EXPECT_TRUE(url_allowed(url)) << url;
}

TEST_F(HttpClientTest, LocalhostByNameIsServed)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{Action::keep, ok_answer("{}")};
	});
	make();
	std::string url = server.url();
	url.replace(7, 9, "localhost");
	EXPECT_EQ(only(url).transport, Transport::answered) << responses[1].error;
}

/* "127.0.0.256" is no address but a name; were it to resolve, the socket would still be refused. */
TEST_F(HttpClientTest, LoopbackLookalikeIsNotSent)
{
	HttpClientOptions options;
	options.connect_timeout_ms = 1000;
	make(options);
	if (start(1, "http://127.0.0.256:1/")) {
		drive();
		EXPECT_EQ(responses[1].transport, Transport::not_sent);
	}
}

} // namespace
} // namespace whatsapp::net
