/*
 * failing_memory_test.cpp — the n-th allocation fails, for each n: no function that promises not to
 * throw ends the process, nothing leaks, and what comes afterwards works.
 *
 * The floor pg/ is tried by test/tap/082_out_of_memory.pl, in whole workers.
 */
#include "core/answer/outcome.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/json_lenient.hpp"
#include "core/base/json_tree.hpp"
#include "core/catalog/definition_check.hpp"
#include "core/turn/lineup.hpp"
#include "core/webhook/webhook.hpp"
#include "net/client/http_client.hpp"
#include "net/server/http_server.hpp"

#include "client_fixture.hpp"
#include "fake_server.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace
{

/* Of this thread: how many allocations go well, and how many fail then; -1: all go well. */
thread_local long good = -1;
thread_local long bad = 0;
thread_local long failed = 0;

void *
allocate(std::size_t size)
{
	if (good > 0) {
		good--;
	} else if (good == 0 && bad > 0) {
		bad--;
		failed++;
		throw std::bad_alloc();
	}
	void *memory = std::malloc(size == 0 ? 1 : size);
	if (memory == nullptr)
		throw std::bad_alloc();
	return memory;
}

} // namespace

void *
operator new(std::size_t size)
{
	return allocate(size);
}
/* or the sanitizer's own, whose memory this delete may not free */
void *
operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	try {
		return allocate(size);
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}
void
operator delete(void *memory) noexcept
{
	std::free(memory);
}
void
operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

namespace
{

using namespace whatsapp;
using namespace whatsapp::net;

constexpr long run_lengths[] = {1, 3, 1000000};
constexpr long most_steps = 10000;

/* Memory fails while one of these lives: after first allocations, run times. */
class Shortage
{
public:
	Shortage(long first, long run)
	{
		failed = 0;
		bad = run;
		good = first;
	}
	~Shortage() { good = -1; }
	Shortage(const Shortage &) = delete;
	Shortage &operator=(const Shortage &) = delete;
};

/* try_once(first, run) until it has met no failure. */
template <class TryOnce>
void
try_each(TryOnce try_once)
{
	for (const long run : run_lengths) {
		long first = 0;
		do {
			SCOPED_TRACE("allocation " + std::to_string(first) + ", " + std::to_string(run));
			try_once(first, run);
			ASSERT_LT(++first, most_steps);
		} while (failed > 0 && !::testing::Test::HasFailure());
		EXPECT_GT(first, 3);
	}
}

template <class Body>
void
throws_bad_alloc_only(Body body)
{
	try_each([&](long first, long run) {
		try {
			const Shortage shortage(first, run);
			body();
		} catch (const std::bad_alloc &) {
			return;
		}
	});
}

TEST(FailingMemory, WhatMayThrowThrowsThat)
{
	const std::string delivery =
	    R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"123456789012345"},"contacts":[{"wa_id":"34612345678","profile":{"name":"Ana \ud83d, who has a long name"}}],"statuses":[{"id":"wamid.HBgLMzQ2MTIzNDU2NzgVAgARGBI5","status":"failed","timestamp":"1895336240","recipient_id":"34612345678","errors":[{"code":131026,"title":"Message undeliverable"}]}],"messages":[{"id":"wamid.HBgLMzQ2MTIzNDU2NzgVAgARGBI6","from":"34612345678","timestamp":"1895336240","type":"text","text":{"body":"a text that is longer than a short string"}}]}}]}]})";
	throws_bad_alloc_only([&] { (void)read_webhook(delivery); });
	throws_bad_alloc_only([&] {
		(void)judge_failed_status(
		    R"([{"code":131026,"title":"a title that is longer than others","error_data":{"details":"details that are longer than others"}}])");
	});
	Answer answer;
	answer.transport = Transport::answered;
	answer.http_status = 400;
	answer.body =
	    R"({"error":{"message":"(#131009) Parameter value is not valid","code":131009,"error_data":{"details":"Please check the parameter values"}}})";
	answer.token = "EAAtoken";
	throws_bad_alloc_only([&] { (void)judge_answer(answer); });
	throws_bad_alloc_only([] {
		(void)check_definition(
		    R"({"name":"a_name_that_is_longer","language":"es","category":"UTILITY","components":[{"type":"BODY","text":"{{1}}, his order is on its way"}]})");
	});
}

/* The library's destructor makes a vector of what is in the tree, and may not throw. */
TEST(FailingMemory, ATreeIsFreedHoweverLarge)
{
	std::string list = "[";
	for (std::size_t i = 0; i < max_json_values / 2 - 2; i++)
		list += "[1],";
	list += "{}]";
	const std::string excess = "[" + list + "," + list + ",{\"a\":" + list + "}]";
	for (const bool lenient : {false, true}) {
		json tree;
		if (lenient) {
			ASSERT_TRUE(parse_lenient(excess, tree));
			EXPECT_EQ(tree.size(), 2U) << "what is beyond the limit is left out";
		} else {
			ASSERT_EQ(parse_bounded(list, tree), JsonProblem::none);
			EXPECT_EQ(tree.size(), max_json_values / 2 - 1);
		}
		const Shortage shortage(0, 1000000);
		tree = nullptr;
		EXPECT_GT(failed, 0);
	}
}

/* What the owner of a lineup does when a step of its threw: what was chosen goes back, and it is
 * read again. */
class Owner
{
public:
	Owner()
	{
		SenderRules rules;
		rules.pair_interval_ms = 10;
		rules.pair_burst = 3;
		rules.per_second = 100;
		lineup_.begin_rules();
		for (const char *name : {"a sender with a longer name", "b"})
			lineup_.set_rules(name, rules);
		lineup_.end_rules();
		for (std::int64_t id = 1; id <= 24; id++)
			rows_.push_back(
			    {id, id % 2 == 0 ? "b" : "a sender with a longer name", recipients[id % 4], 0});
		chosen_.reserve(100);
		deferred_.reserve(100);
		left_.reserve(100);
	}

	void
	turn()
	{
		now_ += 50;
		deferred_.clear();
		try {
			lineup_.read_from_due(now_ * 1000);
			lineup_.read_from_due(0);
			for (const Reading &reading : lineup_.readings(20))
				read(reading);
			lineup_.set_group_gate(0, Gate::open);
			lineup_.choose_messages(4, now_, chosen_, deferred_);
		} catch (const std::bad_alloc &) {
			end_all(Ended::lost);
			deferred_.clear();
			lineup_.undo_choice();
		}
		for (const Deferred &one : deferred_)
			row(one.id).due_us = (now_ + one.delay_ms) * 1000;
		for (const Chosen &one : chosen_)
			try {
				lineup_.pacer_of(*one.sender)->count_messages(1, now_);
				lineup_.pacer_of(*one.sender)->correct_departure(now_, now_ + 1);
			} catch (const std::bad_alloc &) {
				continue;
			}
		/* some have to be tried again, some go back */
		for (const Chosen &one : chosen_)
			if (one.id % 5 != 0 || row(one.id).tries++ > 0) {
				left_.push_back(one.id);
				row(one.id).gone = true;
			}
		end_all(Ended::settled);
	}

	bool
	is_done() const
	{
		return left_.size() >= rows_.size();
	}

	/* Each once. */
	void
	judge()
	{
		std::sort(left_.begin(), left_.end());
		EXPECT_EQ(left_.size(), rows_.size());
		EXPECT_EQ(std::unique(left_.begin(), left_.end()), left_.end());
	}

private:
	struct Row {
		std::int64_t id;
		const char *sender;
		const char *recipient;
		std::int64_t due_us;
		int tries = 0;
		bool gone = false;
	};
	static constexpr const char *recipients[] = {"+34612345670", "+34612345671", "+34612345672",
	                                             "+34612345673"};

	Row &
	row(std::int64_t id)
	{
		return rows_[static_cast<std::size_t>(id - 1)];
	}

	void
	read(const Reading &reading)
	{
		int count = 0;
		if (reading.priority == 1)
			for (const Row &each : rows_) {
				const bool is_behind =
				    each.due_us > reading.after.due_us ||
				    (each.due_us == reading.after.due_us && each.id > reading.after.id);
				if (each.gone || *reading.sender != each.sender || each.due_us > now_ * 1000 ||
				    !is_behind || count == reading.limit)
					continue;
				count++;
				lineup_.add_row(reading,
				                {{each.due_us, each.id}, 0, each.recipient, each.due_us > 0});
			}
		lineup_.end_reading(reading, count, now_);
	}

	void
	end_all(Ended how)
	{
		for (const Chosen &one : chosen_)
			try {
				const bool again = how == Ended::settled && !row(one.id).gone;
				if (again)
					row(one.id).due_us = (now_ + 20) * 1000;
				lineup_.end_message(one, again ? Ended::pair_limit : how, 20, now_);
			} catch (const std::bad_alloc &) {
				lineup_.restart_reading();
			}
		chosen_.clear();
	}

	std::int64_t now_ = 1000000;
	Lineup lineup_{990000};
	std::vector<Row> rows_;
	std::vector<Chosen> chosen_;
	std::vector<Deferred> deferred_;
	std::vector<std::int64_t> left_;
};

TEST(FailingMemory, EachMessageOfALineupLeavesOnce)
{
	try_each([](long first, long run) {
		Owner owner;
		{
			const Shortage shortage(first, std::min(run, 50L));
			for (int i = 0; i < 100 && !owner.is_done(); i++)
				owner.turn();
		}
		for (int i = 0; i < 1000 && !owner.is_done(); i++)
			owner.turn();
		owner.judge();
	});
}

std::string
exchange(HttpServer &server, const std::string &said, long first, long run)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const sockaddr_in address = loopback(server.port());
	if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
	    send(fd, said.data(), said.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(said.size()))
		ADD_FAILURE() << "no connection";
	char heard[4096];
	ssize_t got = -1;
	const auto end = Clock::now() + patience;
	{
		const Shortage shortage(first, run);
		while (got < 0 && Clock::now() < end) {
			server.serve_ready();
			IncomingRequest request;
			while (server.take_request(request))
				server.send_reply(request.id, 200, "text/plain; charset=utf-8", request.body);
			server.serve_ready();
			got = recv(fd, heard, sizeof heard, MSG_DONTWAIT);
		}
	}
	EXPECT_GE(got, 0) << "neither an answer nor an end";
	close(fd);
	return std::string(heard, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
}

TEST(FailingMemory, AServerAnswersOrCloses)
{
	const std::string post =
	    "POST /a/path/that/is/longer?hub.mode=subscribe&hub.verify_token=a%20longer%20token%20than%20others HTTP/1.1\r\nHost: "
	    "h\r\nX-Hub-Signature-256: sha256=0123456789abcdef0123456789abcdef\r\nContent-Length: 200\r\n\r\n" +
	    std::string(200, 'x');
	HttpServerOptions options;
	options.address = "127.0.0.1:0";
	const char *error = nullptr;
	const std::unique_ptr<HttpServer> server(HttpServer::create(options, error));
	ASSERT_TRUE(server);
	try_each([&](long first, long run) {
		const std::string answer = exchange(*server, post, first, run);
		EXPECT_TRUE(answer.empty() || answer.substr(0, 9) == "HTTP/1.1 ") << answer;
		const long met = failed;
		EXPECT_EQ(exchange(*server, post, most_steps, 1).substr(0, 12), "HTTP/1.1 200");
		failed = met;
	});
	try_each([&](long first, long run) {
		std::unique_ptr<HttpServer> made;
		{
			const Shortage shortage(first, run);
			made.reset(HttpServer::create(options, error));
		}
		EXPECT_EQ(made == nullptr, failed > 0);
	});
}

/* Until everything that was started has ended. */
bool
drive(HttpClient &client, std::vector<HttpResponse> &responses)
{
	const auto end = Clock::now() + patience;
	while (client.in_flight() > 0 && Clock::now() < end) {
		pollfd ready{client.descriptor(), POLLIN, 0};
		const long wait = client.timeout_ms();
		poll(&ready, 1, static_cast<int>(wait < 0 ? 50 : std::min(wait, 50L)));
		client.serve_ready();
		HttpResponse response;
		while (responses.size() < responses.capacity() && client.take_response(response))
			responses.push_back(std::move(response));
	}
	return client.in_flight() == 0;
}

TEST(FailingMemory, AClientTellsHowEachRequestEnded)
{
	FakeServer server([](int, int, const std::string &) {
		return Action{
		    Action::keep,
		    ok_answer(std::string(100, 'y'),
		              "Retry-After: 120\r\nX-Business-Use-Case-Usage: a value that is longer\r\n")};
	});
	const std::string url = server.url();
	HttpRequest request;
	request.url = url;
	request.bearer_token = "EAAtoken-that-is-longer-than-a-short-string";
	request.body = R"({"messaging_product":"whatsapp"})";
	HttpClientOptions options;
	options.user_agent = "pg_whatsapp/of a longer version";
	try_each([&](long first, long run) {
		std::vector<HttpResponse> responses;
		responses.reserve(2);
		std::unique_ptr<HttpClient> client;
		bool started = false;
		bool ended = true;
		const auto begin = Clock::now();
		{
			const Shortage shortage(first, run);
			client.reset(HttpClient::create(options));
			if (client) {
				request.id = 1;
				started = client->start_request(request);
				ended = drive(*client, responses);
			}
		}
		EXPECT_TRUE(ended);
		EXPECT_LT(Clock::now() - begin, milliseconds(options.connect_timeout_ms)) << "by its time";
		EXPECT_EQ(responses.size(), started ? 1u : 0u);
		if (!client)
			return;
		request.id = 2;
		EXPECT_TRUE(client->start_request(request));
		EXPECT_TRUE(drive(*client, responses));
		EXPECT_EQ(responses.back().transport, Transport::answered) << responses.back().error;
		EXPECT_EQ(responses.back().body.size(), 100u);
	});
}

} // namespace
