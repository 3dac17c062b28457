/*
 * webhooks.hpp: delivers status webhooks, and whatever else is posted to the receiver.
 *
 * One thread with libcurl's multi interface and several connections, so that a receiver which sits
 * on one delivery doesn't hold up the others. A delivery is repeated until the receiver answers
 * 200.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "settings.hpp"

namespace sandbox
{

class Book;
class Holds;

/* The statuses that a message goes through: these, and those that faults name. */
enum class Course : uint16_t { Normal, Unread, SentOnly, Failed, Reversed, Doubled };

class Webhooks
{
public:
	struct Result {
		long status = 0; /* 0: no answer */
		std::string body = {};
		std::string error = {};
	};
	struct Counts {
		uint64_t queued, delivered, deliveries, failed_attempts, given_up;
	};
	enum class Signing { Right, Wrong, None };
	using Done = std::function<void(const Result &)>;

	Webhooks(const Book &book, Holds &holds, const Options &options);
	~Webhooks();
	Webhooks(const Webhooks &) = delete;
	Webhooks &operator=(const Webhooks &) = delete;

	void configure(const WebhookSettings &settings);

	/* The course of these words, each time the same. */
	Course course_of(const std::vector<std::string> &words);
	/* Plans the statuses of an accepted message, the first one at the given time. A delay of -1 is
	 * that of the settings. */
	void plan(uint64_t serial, Course course, int code, int64_t first_us, int delay_ms = -1);
	/* Lets the held answer go once the message's first status was delivered. */
	void await(uint64_t serial, uint64_t ticket);

	/* Delivers a body like a status: signed, repeated until taken. */
	void deliver(std::string body);
	/* Delivers a body once and reports; done runs on the webhook thread. */
	void try_once(std::string body, Signing signing, Done done);
	/* A GET of the receiver with these parameters added to its URL. */
	void get(const std::string &query, Done done);

	/* Forgets what is queued and the counts. */
	void clear();
	Counts counts() const;
	void stop();

private:
	struct Event {
		int64_t due;
		int64_t at; /* what it says; a repeat says what the first has said */
		uint64_t serial;
		int32_t code;
		int32_t delay_ms;
		Course course;
		uint8_t step;
		bool alone; /* doesn't bring its successor: that one is queued already */
		bool
		operator>(const Event &other) const
		{
			return due != other.due ? due > other.due : serial > other.serial;
		}
	};
	struct Due {
		Event event;
		const char *word;
	};
	struct Delivery;
	struct Transfers;

	void run();
	void start_due(Transfers &transfers);
	void start(Delivery *delivery, Transfers &transfers);
	std::vector<std::vector<Due>> take_events(int64_t now, size_t room);
	Delivery *compose(const std::vector<Due> &events, const StatusStyle &style);
	void finish(Delivery *delivery, Transfers &transfers);
	void abandon(Transfers &transfers);
	void post(Delivery *delivery);
	int sleep_ms(const Transfers &transfers);

	const Book &book_;
	Holds &holds_;
	std::string account_id_;
	std::unordered_map<std::string, std::string> displays_;

	mutable std::mutex mutex_;
	std::deque<std::vector<std::string>> courses_; /* grows only: its words stay where they are */
	WebhookSettings settings_;
	std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
	std::vector<Delivery *> posted_; /* from other threads, for the next round */
	std::unordered_map<uint64_t, uint64_t> awaited_;
	uint64_t generation_ = 0;
	Counts counts_{0, 0, 0, 0, 0};
	int64_t sleeping_until_ = 0;
	bool stopping_ = false;
	void *multi_;
	std::thread thread_;
};

} // namespace sandbox
