/*
 * http_server_test.cpp — the listening side against clients that are greedy, slow, forked-tongued
 * or gone.
 *
 * One thread: raw sockets that do not block, and the owner's loop as the listener has it. Waits end
 * with the event, or with a deadline that fails.
 */
#include "net/server/http_server.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace whatsapp::net
{
namespace
{

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds patience{15000};

/* A client that sends what it can and keeps what it got. */
class Client
{
public:
	explicit Client(unsigned port)
	{
		sockaddr_in address{};
		address.sin_family = AF_INET;
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.sin_port = htons(static_cast<std::uint16_t>(port));
		open(AF_INET, reinterpret_cast<const sockaddr *>(&address), sizeof address);
	}

	explicit Client(const std::string &path)
	{
		sockaddr_un address{};
		address.sun_family = AF_UNIX;
		std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
		open(AF_UNIX, reinterpret_cast<const sockaddr *>(&address), sizeof address);
	}

	~Client()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	Client(const Client &) = delete;
	Client &operator=(const Client &) = delete;

	Client &
	say(const std::string &text)
	{
		unsent_ += text;
		return *this;
	}

	void
	move()
	{
		while (!unsent_.empty()) {
			const ssize_t sent = send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
			if (sent <= 0)
				break;
			unsent_.erase(0, static_cast<std::size_t>(sent));
		}
		char chunk[65536];
		for (;;) {
			const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
			if (got > 0)
				heard.append(chunk, static_cast<std::size_t>(got));
			else {
				closed = closed || got == 0 || (errno != EAGAIN && errno != EINTR);
				return;
			}
		}
	}

	void
	reset()
	{
		const linger now{1, 0};
		setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(fd_);
		fd_ = -1;
	}

	/* The status of the answer number index; 0 while it has not come. */
	int
	status(std::size_t index = 0) const
	{
		std::size_t at = 0;
		for (std::size_t i = 0; (at = heard.find("HTTP/1.1 ", at)) != std::string::npos; i++) {
			if (i == index)
				return heard.find("\r\n\r\n", at) == std::string::npos
				           ? 0
				           : std::stoi(heard.substr(at + 9, 3));
			at += 9;
		}
		return 0;
	}

	bool
	heard_text(const std::string &text) const
	{
		return heard.find(text) != std::string::npos;
	}
	bool
	all_sent() const
	{
		return unsent_.empty();
	}

	std::string heard;
	bool closed = false;

private:
	void
	open(int family, const sockaddr *address, socklen_t size)
	{
		fd_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd_, address, size) != 0)
			throw std::runtime_error("cannot connect");
		fcntl(fd_, F_SETFL, O_NONBLOCK);
	}

	int fd_ = -1;
	std::string unsent_;
};

std::string
post(const std::string &body, const std::string &headers = "")
{
	return "POST /webhook HTTP/1.1\r\nHost: h\r\n" + headers +
	       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/* A NUL for each @. */
std::string
with_nul(std::string text)
{
	std::replace(text.begin(), text.end(), '@', '\0');
	return text;
}

class HttpServerTest : public ::testing::Test
{
protected:
	HttpServerTest() { options.address = "127.0.0.1:0"; }

	void
	make()
	{
		const char *error = nullptr;
		server.reset(HttpServer::create(options, error));
		ASSERT_TRUE(server) << error;
		EXPECT_EQ(error, nullptr);
	}

	Client &
	client()
	{
		clients.push_back(std::make_unique<Client>(server->port()));
		return *clients.back();
	}

	/* The owner's loop. */
	void
	drive(const std::function<bool()> &done)
	{
		const auto deadline = Clock::now() + patience;
		while (!done()) {
			ASSERT_LT(Clock::now(), deadline) << "nothing happened for too long";
			const long wait = server->timeout_ms();
			pollfd ready{server->descriptor(), POLLIN, 0};
			poll(&ready, 1, static_cast<int>(wait < 0 ? 5 : std::min(wait, 5L)));
			turns++;
			server->serve_ready();
			IncomingRequest request;
			while (server->take_request(request)) {
				taken.push_back(std::move(request));
				if (answering)
					server->send_reply(taken.back().id, 200, "text/plain",
					                   "ok:" + taken.back().body);
			}
			for (const auto &each : clients)
				each->move();
		}
	}

	void
	drive_to(Client &which, std::size_t answers = 1)
	{
		drive([&] { return which.status(answers - 1) != 0 || which.closed; });
	}

	void
	drive_to_close(Client &which)
	{
		drive([&] { return which.closed; });
	}

	HttpServerOptions options;
	std::unique_ptr<HttpServer> server;
	std::vector<std::unique_ptr<Client>> clients;
	std::vector<IncomingRequest> taken;
	bool answering = true;
	unsigned long turns = 0;
};

TEST_F(HttpServerTest, HandsOutWholeRequests)
{
	make();
	EXPECT_NE(server->port(), 0u);
	Client &one = client();
	one.say(post("{\"a\":1}", "x-hub-signature-256: sha256=00ff\r\n"));
	drive_to(one);
	EXPECT_EQ(one.status(), 200);
	EXPECT_TRUE(one.heard_text("\r\n\r\nok:{\"a\":1}"));
	EXPECT_TRUE(one.heard_text("Content-Type: text/plain\r\n"));
	EXPECT_FALSE(one.closed);
	ASSERT_EQ(taken.size(), 1u);
	EXPECT_EQ(taken[0].method, "POST");
	EXPECT_EQ(taken[0].path, "/webhook");
	EXPECT_EQ(taken[0].body, "{\"a\":1}");
	EXPECT_EQ(taken[0].signature, "sha256=00ff");
	EXPECT_NE(taken[0].id, 0u);
	EXPECT_EQ(server->refused_count(), 0u);
}

TEST_F(HttpServerTest, DecodesTheVerificationQuery)
{
	make();
	Client &one = client();
	one.say("GET /hook?hub.mode=subscribe&hub.verify_token=a%20b%26c%2Bd&hub.challenge=1158"
	        "&other=1 HTTP/1.1\r\nHost: h\r\n\r\n"
	        "GET /hook?hub.mode=a&hub.mode=b&hub.challenge HTTP/1.1\r\nHost: h\r\n"
	        "X-Hub-Signature-256: a\r\nX-Hub-Signature-256: b\r\n\r\n");
	drive_to(one, 2);
	ASSERT_EQ(taken.size(), 2u);
	EXPECT_EQ(taken[0].method, "GET");
	EXPECT_EQ(taken[0].path, "/hook");
	EXPECT_EQ(taken[0].hub_mode, "subscribe");
	EXPECT_EQ(taken[0].hub_token, "a b&c+d");
	EXPECT_EQ(taken[0].hub_challenge, "1158");
	EXPECT_EQ(taken[1].hub_mode, "");
	EXPECT_EQ(taken[1].hub_token, "");
	EXPECT_EQ(taken[1].hub_challenge, "");
	EXPECT_EQ(taken[1].signature, "");
}

TEST_F(HttpServerTest, OwnerDecidesStatusOfAnyMethodAndPath)
{
	make();
	answering = false;
	Client &one = client();
	one.say("DELETE /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
	drive([&] { return !taken.empty(); });
	EXPECT_EQ(taken[0].method, "DELETE");
	EXPECT_EQ(taken[0].path, "/nowhere");
	server->send_reply(taken[0].id, 405, "text/plain", "");
	EXPECT_EQ(server->timeout_ms(), 0);
	drive_to(one);
	EXPECT_EQ(one.status(), 405);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder)
{
	make();
	Client &one = client();
	std::string all;
	for (int i = 0; i < 200; i++)
		all += post("number " + std::to_string(i) + ".");
	one.say(all);
	drive_to(one, 200);
	ASSERT_EQ(taken.size(), 200u);
	std::size_t at = 0;
	for (int i = 0; i < 200; i++) {
		EXPECT_EQ(taken[static_cast<std::size_t>(i)].body, "number " + std::to_string(i) + ".");
		at = one.heard.find("ok:number " + std::to_string(i) + ".", at);
		ASSERT_NE(at, std::string::npos) << i;
	}
}

TEST_F(HttpServerTest, ManyClientsAtOnce)
{
	make();
	for (int i = 0; i < 200; i++)
		client().say(post("client " + std::to_string(i)));
	drive([&] {
		return std::all_of(clients.begin(), clients.end(),
		                   [](const auto &each) { return each->status() == 200; });
	});
	EXPECT_EQ(taken.size(), 200u);
}

TEST_F(HttpServerTest, BodyLimitIsExact)
{
	make();
	Client &exact = client();
	exact.say(post(std::string(options.max_body_bytes, 'x')));
	drive_to(exact);
	EXPECT_EQ(exact.status(), 200);
	ASSERT_EQ(taken.size(), 1u);
	EXPECT_EQ(taken[0].body.size(), options.max_body_bytes);

	Client &over = client();
	over.say(post(std::string(options.max_body_bytes + 1, 'x')));
	drive_to_close(over);
	EXPECT_EQ(over.status(), 413);
	EXPECT_EQ(taken.size(), 1u);
	EXPECT_EQ(server->refused_count(), 1u);
}

TEST_F(HttpServerTest, AnnouncedGiantIsRefusedUnread)
{
	make();
	Client &giant = client();
	giant.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
	drive_to_close(giant);
	EXPECT_EQ(giant.status(), 413);
	Client &beyond = client();
	beyond.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n");
	drive_to_close(beyond);
	/* a number beyond 64 bits is no length for the parser */
	EXPECT_TRUE(beyond.status() == 413 || beyond.status() == 400) << beyond.heard;
	Client &polite = client();
	polite.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: " +
	           std::to_string(options.max_body_bytes + 1) + "\r\n\r\n");
	drive_to_close(polite);
	EXPECT_EQ(polite.status(), 413);
	EXPECT_EQ(server->refused_count(), 3u);
	EXPECT_TRUE(taken.empty());
}

TEST_F(HttpServerTest, ChunkedBodiesHaveTheSameLimit)
{
	options.max_body_bytes = 1000;
	make();
	const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
	const std::string chunk = "1f4\r\n" + std::string(500, 'c') + "\r\n";
	Client &exact = client();
	exact.say(head + chunk + chunk + "0\r\n\r\n");
	drive_to(exact);
	EXPECT_EQ(exact.status(), 200);
	ASSERT_EQ(taken.size(), 1u);
	EXPECT_EQ(taken[0].body, std::string(1000, 'c'));
	Client &over = client();
	over.say(head + chunk + chunk + "1\r\nx\r\n0\r\n\r\n");
	drive_to_close(over);
	EXPECT_EQ(over.status(), 413);
	Client &endless = client();
	for (int i = 0; i < 1000; i++)
		endless.say(i ? chunk : head);
	drive_to_close(endless);
	EXPECT_EQ(taken.size(), 1u);
	EXPECT_EQ(server->refused_count(), 2u);
}

TEST_F(HttpServerTest, ContinueIsGiven)
{
	make();
	Client &one = client();
	one.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	drive_to(one);
	EXPECT_EQ(one.status(), 100);
	one.say("body");
	drive_to(one, 2);
	EXPECT_EQ(one.status(1), 200);
}

TEST_F(HttpServerTest, OversizedHeadersAreRefused)
{
	make();
	Client &fits = client();
	fits.say(post("", "X-Long: " + std::string(options.max_header_bytes - 200, 'h') + "\r\n"));
	drive_to(fits);
	EXPECT_EQ(fits.status(), 200);
	for (const std::size_t size : {options.max_header_bytes + 1, options.max_header_bytes * 2,
	                               options.max_header_bytes * 8}) {
		Client &over = client();
		over.say(post("", "X-Long: " + std::string(size, 'h') + "\r\n"));
		drive_to_close(over);
		EXPECT_EQ(over.status(), 431) << size;
	}
	std::string many;
	for (int i = 0; i < 150; i++)
		many += "X-" + std::to_string(i) + ": 1\r\n";
	Client &crowd = client();
	crowd.say(post("", many));
	drive_to_close(crowd);
	EXPECT_EQ(crowd.status(), 431);
	EXPECT_EQ(taken.size(), 1u);
	EXPECT_EQ(server->refused_count(), 4u);
}

TEST_F(HttpServerTest, AmbiguousRequestsAreRefusedAndClosed)
{
	make();
	const std::string start = "POST / HTTP/1.1\r\n";
	const std::vector<std::string> heads = {
	    "Host: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n",
	    "Host: h\r\nContent-Length: 4\r\ncontent-length: 5\r\n",
	    "Host: h\r\nContent-Length: 4, 4\r\n",
	    "Host: h\r\nContent-Length: +4\r\n",
	    "Host: h\r\nContent-Length: -4\r\n",
	    "Host: h\r\nContent-Length: 0x4\r\n",
	    "Host: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
	    "Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
	    "Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	    "Host: h\r\nTransfer-Encoding: gzip, chunked\r\n",
	    "Host: h\r\nTransfer-Encoding: xchunked\r\n",
	    "Host: h\r\nTransfer-Encoding: identity\r\n",
	    "Host: h\r\nContent-Length : 4\r\n",
	    "Host: h\r\nTransfer-Encoding : chunked\r\n",
	    "Host: a\r\nHost: b\r\nContent-Length: 4\r\n",
	    "Content-Length: 4\r\n",
	    "Host: h\r\nno colon\r\n",
	    "Host: h\r\nTransfer-Encoding:\r\n chunked\r\n",
	    "Host: h\r\nTransfer-Encoding: chunked\r\n \r\n",
	    "Host: h\r\nContent-Length:\r\n 4\r\n",
	    "Host: h\r\nContent-Length: 4\r\n\t2\r\n",
	    "Host: h\r\nX-Other: a\r\n b\r\nContent-Length: 4\r\n",
	    with_nul("Host: h\r\nContent-Length: 4@\r\n"),
	    with_nul("Host: h\r\nContent-Length: 4@Transfer-Encoding: chunked\r\n"),
	    with_nul("Host: h\r\nX-Other: a@b\r\nContent-Length: 4\r\n"),
	    "Host: h\r\nX-Other: a\x01\r\nContent-Length: 4\r\n",
	    "Host: h\r\nX-Other: a\x7f\r\nContent-Length: 4\r\n",
	    "Host: h\nContent-Length: 4\r\n",
	    "Host: h\r\nX-Other: a\nContent-Length: 4\r\n",
	    "Host: h\r\nX-Other: a\rContent-Length: 4\r\n",
	    "Host: h\r\nContent-Length: 4\n\n",
	    "Host: h\r\nContent-Length:\x0b"
	    "4\r\n",
	    " Host: h\r\nContent-Length: 4\r\n",
	    "Host: h\r\n: 4\r\n",
	};
	for (const std::string &head : heads) {
		Client &one = client();
		one.say(start + head + "\r\nbody" + post("smuggled"));
		drive_to_close(one);
		EXPECT_EQ(one.status(), 400) << head;
		EXPECT_TRUE(one.heard_text("\r\nConnection: close\r\n")) << head;
		EXPECT_EQ(one.status(1), 0) << head;
	}
	EXPECT_TRUE(taken.empty());
	EXPECT_EQ(server->refused_count(), heads.size());
}

TEST_F(HttpServerTest, AmbiguousRequestLinesAreRefusedAndClosed)
{
	make();
	const std::vector<std::string> starts = {
	    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "POST / HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
	    with_nul("POST /webhook@ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
	    "POST /a\tb HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
	    "POST  / HTTP/1.1\r\nHost: h\r\n\r\n",
	    "POST / HTTP/1.1 \r\nHost: h\r\n\r\n",
	    "POST / HTTP/2.0\r\nHost: h\r\n\r\n",
	    "POST /\r\nHost: h\r\n\r\n",
	    " POST / HTTP/1.1\r\nHost: h\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
	        std::string(100000, 'e'),
	};
	for (const std::string &start : starts) {
		Client &one = client();
		one.say(start + post("smuggled"));
		drive_to_close(one);
		EXPECT_EQ(one.status(), 400) << start.substr(0, 80);
		EXPECT_EQ(one.status(1), 0) << start.substr(0, 80);
	}
	EXPECT_TRUE(taken.empty());
	EXPECT_EQ(server->refused_count(), starts.size());
}

/* A slow client must meet the same parser as one that sends all at once. */
TEST_F(HttpServerTest, BytesComeOneByOne)
{
	make();
	Client &one = client();
	const std::string chunked = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	                            "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
	for (const char c : "\r\n" + post("whole") + chunked + post("last")) {
		one.say(std::string(1, c));
		one.move();
		drive([&, before = turns] { return turns > before; });
	}
	drive_to(one, 3);
	ASSERT_EQ(taken.size(), 3u);
	EXPECT_EQ(taken[0].body, "whole");
	EXPECT_EQ(taken[1].body, "abcde");
	EXPECT_EQ(taken[2].body, "last");
}

TEST_F(HttpServerTest, PathStaysAsItWasSent)
{
	make();
	Client &one = client();
	const std::vector<std::string> paths = {"/a%2Fb", "/%77ebhook", "/webhook%00/x",    "/a/../b",
	                                        "//a",    "/webhook/",  "http://h/webhook", "*"};
	std::string all;
	for (const std::string &path : paths)
		all += "GET " + path + "?hub.mode=%61 HTTP/1.1\r\nHost: h\r\n\r\n";
	one.say(all);
	drive_to(one, paths.size());
	ASSERT_EQ(taken.size(), paths.size());
	for (std::size_t i = 0; i < paths.size(); i++) {
		EXPECT_EQ(taken[i].path, paths[i]);
		EXPECT_EQ(taken[i].hub_mode, "a");
	}
}

TEST_F(HttpServerTest, OldVersionIsAnsweredAndClosed)
{
	make();
	Client &one = client();
	one.say("POST / HTTP/1.0\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nbody");
	drive_to_close(one);
	EXPECT_EQ(one.status(), 200);
	Client &polite = client();
	polite.say(post("x", "Connection: close\r\n"));
	drive_to_close(polite);
	EXPECT_EQ(polite.status(), 200);
	EXPECT_EQ(server->refused_count(), 0u);
}

TEST_F(HttpServerTest, HeadHasNoBody)
{
	make();
	Client &one = client();
	one.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + post("x"));
	drive_to(one, 2);
	EXPECT_TRUE(one.heard_text("\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200")) << one.heard;
}

TEST_F(HttpServerTest, MemoryOfAllBodiesIsLimited)
{
	options.max_body_bytes = 100000;
	options.max_buffered_bytes = 250000;
	make();
	answering = false;
	std::vector<Client *> waiting;
	for (int i = 0; i < 4; i++)
		waiting.push_back(&client().say(post(std::string(100000, 'm'))));
	drive([&] { return taken.size() + server->refused_count() == 4; });
	EXPECT_EQ(taken.size(), 2u);
	drive([&] {
		return std::count_if(waiting.begin(), waiting.end(),
		                     [](const Client *each) { return each->status() == 503; }) == 2;
	});
	const auto busy = std::find_if(waiting.begin(), waiting.end(),
	                               [](const Client *each) { return each->status() == 503; });
	EXPECT_TRUE((*busy)->heard_text("Retry-After: 1\r\n"));

	/* what has been answered no longer counts, and a refusal leaves the connection usable */
	for (const IncomingRequest &request : taken)
		server->send_reply(request.id, 200, "text/plain", "");
	answering = true;
	(*busy)->say(post(std::string(100000, 'n')));
	drive_to(**busy, 2);
	EXPECT_EQ((*busy)->status(1), 200);
}

/* Those that wait for the owner keep their places; it is he who is slow. */
TEST_F(HttpServerTest, FullHouseWaitsAtTheDoor)
{
	options.max_connections = 3;
	make();
	answering = false;
	for (int i = 0; i < 3; i++)
		client().say(post("early"));
	drive([&] { return taken.size() == 3; });
	Client &late = client();
	late.say(post("late"));
	drive([&, start = Clock::now()] { return Clock::now() - start > milliseconds(100); });
	EXPECT_EQ(taken.size(), 3u);
	EXPECT_EQ(late.status(), 0);
	server->send_reply(taken[0].id, 200, "text/plain", "");
	answering = true;
	drive_to(late);
	EXPECT_EQ(late.status(), 200);

	/* the limit can be raised at once */
	Client &later = client();
	later.say(post("later"));
	options.max_connections = 10;
	server->set_options(options);
	drive_to(later);
	EXPECT_EQ(later.status(), 200);
}

/* From one address or from many: behind a proxy all come from one. */
TEST_F(HttpServerTest, SilentConnectionsGiveWay)
{
	options.max_connections = 20;
	make();
	for (int i = 0; i < 60; i++)
		client().say(i % 3 == 0 ? "" : i % 3 == 1 ? "POST / HT" : post("").substr(0, 40));
	const auto start = Clock::now();
	Client &speaks = client();
	speaks.say(post("heard"));
	drive_to(speaks);
	EXPECT_EQ(speaks.status(), 200);
	EXPECT_LT(Clock::now() - start, milliseconds(2000));
	EXPECT_FALSE(clients[59]->closed);
	EXPECT_TRUE(clients[0]->closed);
	/* and one that is served keeps its place among them while it is used */
	for (int i = 0; i < 60; i++) {
		client();
		speaks.heard.clear();
		drive_to(speaks.say(post("again")));
		ASSERT_EQ(speaks.status(), 200) << i;
	}
}

TEST_F(HttpServerTest, StalledBodiesGiveWay)
{
	options.max_body_bytes = 300000;
	options.max_buffered_bytes = 1000000;
	make();
	const std::string large = post(std::string(300000, 'b'));
	for (int i = 0; i < 10; i++)
		client().say(large.substr(0, large.size() - 1));
	drive([&, start = Clock::now()] { return Clock::now() - start > milliseconds(100); });
	for (const std::string &body : {std::string(300000, 'c'), std::string(10, 'd')}) {
		Client &speaks = client();
		speaks.say(post(body));
		drive_to(speaks);
		EXPECT_EQ(speaks.status(), 200) << body.size();
	}
	/* who gave way is told, and it was the oldest */
	EXPECT_EQ(clients[0]->status(), 503);
	EXPECT_EQ(clients[9]->status(), 0);
}

/* All of it is with the owner, and nobody can give way: what is small has room still. */
TEST_F(HttpServerTest, RoomIsKeptForSmallBodies)
{
	options.max_body_bytes = 100000;
	options.max_buffered_bytes = 1000000;
	options.small_body_bytes = 1000;
	make();
	answering = false;
	for (int i = 0; i < 12; i++)
		client().say(post(std::string(100000, 'b')));
	drive([&] { return taken.size() + server->refused_count() == 12; });
	EXPECT_EQ(taken.size(), 8u);
	Client &small = client();
	small.say(post(std::string(1000, 's')));
	drive([&] { return taken.size() == 9; });
	EXPECT_EQ(taken.back().body.size(), 1000u);
}

/* What costs its owner much must not keep him from the rest. */
TEST_F(HttpServerTest, SmallBodiesAreHandedOutFirst)
{
	make();
	for (int i = 0; i < 6; i++)
		client().say(i == 5 ? post("small") : post(std::string(2000000, 'l')));
	const auto deadline = Clock::now() + patience;
	for (bool all = false; !all && Clock::now() < deadline;) {
		server->serve_ready();
		all = true;
		for (const auto &each : clients) {
			each->move();
			all = all && each->all_sent();
		}
	}
	for (int i = 0; i < 200; i++)
		server->serve_ready();
	IncomingRequest first;
	ASSERT_TRUE(server->take_request(first));
	EXPECT_EQ(first.body, "small");
}

TEST_F(HttpServerTest, DescriptorsAreKeptBack)
{
	make();
	server.reset();
	rlimit before{};
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	const int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(lowest);
	/* the clients' ends count as well: this is one process */
	rlimit few = before;
	few.rlim_cur = static_cast<rlim_t>(lowest) + 100;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	make();
	for (int i = 0; i < 48; i++) {
		client();
		for (int turn = 0; turn < 4; turn++)
			server->serve_ready();
	}
	std::vector<int> files;
	for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
		files.push_back(fd);
	for (const int fd : files)
		close(fd);
	EXPECT_GE(files.size(), 10u);
	drive_to(clients.back()->say(post("served")));
	EXPECT_EQ(clients.back()->status(), 200);
	setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(HttpServerTest, DrippingRequestsAreCut)
{
	options.request_timeout_ms = 300;
	make();
	const std::vector<std::string> beginnings = {
	    "", "POST /pa", "POST / HTTP/1.1\r\nHost: h\r\nX-Slow: ",
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"};
	std::vector<Client *> slow;
	for (const std::string &beginning : beginnings)
		slow.push_back(&client().say(beginning));
	const auto start = Clock::now();
	auto next = start;
	drive([&] {
		if (Clock::now() >= next) {
			next = Clock::now() + milliseconds(20);
			for (Client *each : slow)
				if (!each->closed)
					each->say("x");
		}
		return std::all_of(slow.begin(), slow.end(),
		                   [](const Client *each) { return each->closed; });
	});
	EXPECT_GE(Clock::now() - start, milliseconds(250));
	EXPECT_LT(Clock::now() - start, milliseconds(2500));
	EXPECT_TRUE(taken.empty());
	EXPECT_EQ(server->refused_count(), 4u);
}

TEST_F(HttpServerTest, DripOnAKeptAliveConnectionIsCut)
{
	options.request_timeout_ms = 200;
	make();
	Client &one = client();
	one.say(post("first"));
	drive_to(one);
	/* idle for longer than a request may take: that is allowed */
	drive([&, start = Clock::now()] { return Clock::now() - start > milliseconds(400); });
	EXPECT_FALSE(one.closed);
	const auto start = Clock::now();
	auto next = start;
	drive([&] {
		if (Clock::now() >= next) {
			next = Clock::now() + milliseconds(20);
			one.say("P");
		}
		return one.closed;
	});
	EXPECT_LT(Clock::now() - start, milliseconds(2500));
}

TEST_F(HttpServerTest, WaitingForTheOwnerIsNoDripAndNoBusyLoop)
{
	options.request_timeout_ms = 100;
	make();
	answering = false;
	Client &one = client();
	one.say(post("patient"));
	drive([&] { return taken.size() == 1; });
	turns = 0;
	drive([&, start = Clock::now()] { return Clock::now() - start > milliseconds(400); });
	EXPECT_FALSE(one.closed);
	EXPECT_LT(turns, 250u);
	EXPECT_GT(server->timeout_ms(), 0);
	server->send_reply(taken[0].id, 200, "text/plain", "at last");
	EXPECT_EQ(server->timeout_ms(), 0);
	drive_to(one);
	EXPECT_EQ(one.status(), 200);
}

TEST_F(HttpServerTest, IdleConnectionIsClosed)
{
	options.idle_timeout_ms = 1000;
	make();
	Client &one = client();
	one.say(post("x"));
	drive_to_close(one);
	EXPECT_EQ(one.status(), 200);
	EXPECT_EQ(server->refused_count(), 0u);
}

TEST_F(HttpServerTest, ReplyToAClientThatLeftIsNothing)
{
	make();
	answering = false;
	client().say(post("gone before taken"));
	client().say(post("gone before the reply"));
	Client &stays = client();
	stays.say(post("stays"));
	drive([&] { return taken.size() == 3; });
	clients[0]->reset();
	clients[1]->reset();
	server->serve_ready();
	server->serve_ready();
	for (const IncomingRequest &request : taken) {
		server->send_reply(request.id, 200, "text/plain", "ok");
		server->send_reply(request.id, 500, "text/plain", "twice");
	}
	server->send_reply(123456, 200, "text/plain", "never was");
	drive_to(stays);
	EXPECT_EQ(stays.status(), 200);
}

TEST_F(HttpServerTest, RequestOfAClientThatLeftIsForgotten)
{
	make();
	Client &one = client();
	one.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
	one.move();
	for (int i = 0; i < 10; i++)
		server->serve_ready();
	one.reset();
	clients.clear();
	drive([&] { return server->timeout_ms() == -1; });
	EXPECT_TRUE(taken.empty());
}

TEST_F(HttpServerTest, BigAnswerReachesASlowReader)
{
	make();
	answering = false;
	Client &one = client();
	one.say("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	drive([&] { return taken.size() == 1; });
	const std::string body(8 << 20, 'a');
	server->send_reply(taken[0].id, 200, "text/plain", body);
	drive([&] { return one.heard.size() > body.size(); });
	EXPECT_EQ(one.heard.substr(one.heard.size() - body.size()), body);
}

TEST_F(HttpServerTest, UnixSocket)
{
	char directory[] = "/tmp/http_server_test.XXXXXX";
	ASSERT_NE(mkdtemp(directory), nullptr);
	const std::string path = std::string(directory) + "/socket";
	options.address = path.c_str();
	make();
	EXPECT_EQ(server->port(), 0u);
	struct stat file;
	ASSERT_EQ(lstat(path.c_str(), &file), 0);
	EXPECT_EQ(file.st_mode & 0777, 0660u);
	clients.push_back(std::make_unique<Client>(path));
	clients[0]->say(post("over unix"));
	drive_to(*clients[0]);
	EXPECT_EQ(clients[0]->status(), 200);

	/* somebody listens there */
	const char *error = nullptr;
	EXPECT_EQ(HttpServer::create(options, error), nullptr);
	ASSERT_NE(error, nullptr);
	EXPECT_NE(std::string(error).find(path), std::string::npos) << error;

	/* nobody does: left behind by a crash */
	server.reset();
	EXPECT_NE(lstat(path.c_str(), &file), 0);
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
	const int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(bind(stale, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	close(stale);
	make();
	server.reset();

	/* no socket at all: not ours to remove */
	const int other = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(other);
	EXPECT_EQ(HttpServer::create(options, error), nullptr);
	EXPECT_EQ(lstat(path.c_str(), &file), 0);
	unlink(path.c_str());
	rmdir(directory);
}

TEST_F(HttpServerTest, AddressesThatCannotBeBoundSayWhy)
{
	make();
	const std::string taken_address = "127.0.0.1:" + std::to_string(server->port());
	for (const char *address :
	     {taken_address.c_str(), "", "8008", "host.example:80", "127.0.0.1:", "127.0.0.1:port",
	      "127.0.0.1:99999", "::1:8008", "[::1", "[::1]", ":80", "192.0.2.1:1", "relative/path:1",
	      "/nonexistent/directory/socket"}) {
		HttpServerOptions other;
		other.address = address;
		const char *error = nullptr;
		EXPECT_EQ(HttpServer::create(other, error), nullptr) << address;
		ASSERT_NE(error, nullptr) << address;
		EXPECT_GT(std::strlen(error), 10u) << address;
	}
	const std::string long_path = "/" + std::string(200, 'p');
	HttpServerOptions other;
	other.address = long_path.c_str();
	const char *error = nullptr;
	EXPECT_EQ(HttpServer::create(other, error), nullptr);
}

TEST_F(HttpServerTest, LocalhostAndVersionSix)
{
	options.address = "localhost:0";
	make();
	Client &one = client();
	one.say(post("x"));
	drive_to(one);
	EXPECT_EQ(one.status(), 200);
	clients.clear();

	HttpServerOptions six;
	six.address = "[::1]:0";
	const char *error = nullptr;
	server.reset(HttpServer::create(six, error));
	if (!server)
		GTEST_SKIP() << error;
	EXPECT_NE(server->port(), 0u);
}

/* Who is inside stays, who knocked already is let in, newcomers use the new door only. */
TEST_F(HttpServerTest, MovesWithoutLosingAnyone)
{
	make();
	const unsigned old_port = server->port();
	Client &inside = client();
	inside.say(post("inside"));
	drive_to(inside);
	Client &knocked = client();

	const char *error = nullptr;
	ASSERT_TRUE(server->move_address("127.0.0.1:0", error)) << error;
	EXPECT_NE(server->port(), old_port);
	EXPECT_THROW(Client{old_port}, std::runtime_error);
	Client &newcomer = client();
	for (Client *each : {&inside, &knocked, &newcomer}) {
		each->say(post("after"));
		each->heard.clear();
		drive_to(*each);
		EXPECT_EQ(each->status(), 200);
	}

	/* to a place that is taken: nowhere, until it is free */
	HttpServer *other = HttpServer::create(options, error);
	ASSERT_NE(other, nullptr);
	const std::string taken_address = "127.0.0.1:" + std::to_string(other->port());
	EXPECT_FALSE(server->move_address(taken_address.c_str(), error));
	ASSERT_NE(error, nullptr);
	EXPECT_EQ(server->port(), 0u);
	inside.heard.clear();
	drive_to(inside.say(post("still inside")));
	EXPECT_EQ(inside.status(), 200);
	delete other;
	ASSERT_TRUE(server->move_address(taken_address.c_str(), error)) << error;
	drive_to(client().say(post("back")));
	EXPECT_EQ(clients.back()->status(), 200);

	/* nowhere on purpose */
	ASSERT_TRUE(server->move_address(nullptr, error));
	EXPECT_EQ(error, nullptr);
}

TEST_F(HttpServerTest, AnswerHasOneMoreHeader)
{
	make();
	answering = false;
	Client &one = client();
	one.say(post("x"));
	drive([&] { return taken.size() == 1; });
	server->send_reply(taken[0].id, 405, "text/plain", "no", {"Allow", "GET"});
	drive_to(one);
	EXPECT_EQ(one.status(), 405);
	EXPECT_TRUE(one.heard_text("\r\nAllow: GET\r\n")) << one.heard;
}

TEST_F(HttpServerTest, QueryOfManyParametersIsRead)
{
	options.max_header_bytes = 4096;
	make();
	std::string query;
	while (query.size() < 3500)
		query += "&a";
	Client &one = client();
	one.say("GET /webhook?" + query + "&hub.mode=m HTTP/1.1\r\nHost: h\r\n\r\n");
	drive_to(one);
	ASSERT_EQ(taken.size(), 1u);
	EXPECT_EQ(taken[0].hub_mode, "m");
}

TEST_F(HttpServerTest, CanBeDroppedInTheMiddle)
{
	make();
	answering = false;
	for (int i = 0; i < 20; i++)
		client().say(i % 2 ? post("whole") : "POST / HTTP/1.1\r\nHost: h\r\nContent-Len");
	drive([&] { return taken.size() == 10; });
	server->send_reply(taken[0].id, 200, "text/plain", "never sent");
	server.reset();
}

/* One at a time, as often as it goes: a request that waits for the next turn of the clock instead
 * of its own descriptor shows up here as a slow one. */
TEST_F(HttpServerTest, NoRequestStalls)
{
	make();
	Client &one = client();
	Clock::duration longest{};
	for (std::size_t i = 1; i <= 2000; i++) {
		const auto start = Clock::now();
		one.say(post("ping"));
		one.move();
		one.heard.clear();
		drive_to(one);
		longest = std::max(longest, Clock::now() - start);
	}
	EXPECT_EQ(taken.size(), 2000u);
	EXPECT_LT(longest, milliseconds(500));
}

} // namespace
} // namespace whatsapp::net
