/*
 * webhooks.cpp: the queue of webhooks: planned, awaited, posted, counted.
 *
 * A queued status is a few bytes; its JSON is composed from the book when its turn comes, so a
 * receiver that is down for long costs no memory.
 */
#include "webhooks.hpp"

#include <algorithm>
#include <cstdint>

#include "delivery.hpp"
#include "text.hpp"

namespace sandbox
{

Webhooks::Webhooks(const Book &book, Holds &holds, const Options &options)
    : book_(book), holds_(holds),
      account_id_(options.business_account_id), courses_{{"sent", "delivered", "read"},
                                                         {"sent", "delivered"},
                                                         {"sent"},
                                                         {"failed"},
                                                         {"read", "delivered", "sent"},
                                                         {"sent", "sent", "delivered", "delivered",
                                                          "read", "read"}},
      settings_(options.settings.webhooks), multi_(curl_multi_init())
{
	for (const Number &number : options.numbers)
		displays_.emplace(number.id, number.display);
	thread_ = std::thread([this] { run(); });
}

Webhooks::~Webhooks()
{
	stop();
	curl_multi_cleanup(multi_);
}

void
Webhooks::configure(const WebhookSettings &settings)
{
	const bool off = settings.url.empty();
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		settings_ = settings;
		if (off) {
			events_ = {};
			counts_.queued = 0;
			generation_++;
		}
	}
	curl_multi_wakeup(multi_);
}

Course
Webhooks::course_of(const std::vector<std::string> &words)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	auto found = std::find(courses_.begin(), courses_.end(), words);
	if (found == courses_.end())
		found = courses_.insert(courses_.end(), words);
	return static_cast<Course>(found - courses_.begin());
}

void
Webhooks::plan(uint64_t serial, Course course, int code, int64_t first_us, int delay_ms)
{
	bool must_wake = false;
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		if (settings_.url.empty())
			return;
		if (course == Course::Normal && !settings_.read)
			course = Course::Unread;
		const size_t steps = courses_[static_cast<size_t>(course)].size();
		if (steps == 0)
			return;
		counts_.queued += steps;
		int64_t soonest = first_us;
		if (settings_.shuffle) {
			const uint64_t span = 1 + 3000 * static_cast<uint64_t>(settings_.status_delay_ms);
			for (size_t step = 0; step < steps; step++) {
				const int64_t due = first_us + static_cast<int64_t>(random_bits() % span);
				events_.push(
				    {due, due, serial, code, delay_ms, course, static_cast<uint8_t>(step), true});
				soonest = std::min(soonest, due);
			}
		} else {
			events_.push({first_us, first_us, serial, code, delay_ms, course, 0, false});
		}
		must_wake = soonest < sleeping_until_;
		if (must_wake)
			sleeping_until_ = 0;
	}
	if (must_wake)
		curl_multi_wakeup(multi_);
}

void
Webhooks::await(uint64_t serial, uint64_t ticket)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	awaited_.emplace(serial, ticket);
}

void
Webhooks::post(Delivery *delivery)
{
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		if (!delivery->done)
			counts_.queued += 1;
		delivery->generation = generation_;
		posted_.push_back(delivery);
	}
	curl_multi_wakeup(multi_);
}

void
Webhooks::deliver(std::string body)
{
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		if (settings_.url.empty())
			return;
	}
	auto *delivery = new Delivery;
	delivery->body = std::move(body);
	delivery->statuses = 1;
	post(delivery);
}

void
Webhooks::try_once(std::string body, Signing signing, Done done)
{
	auto *delivery = new Delivery;
	delivery->body = std::move(body);
	delivery->signing = signing;
	delivery->done = std::move(done);
	post(delivery);
}

void
Webhooks::get(const std::string &query, Done done)
{
	auto *delivery = new Delivery;
	delivery->query = query;
	delivery->get = true;
	delivery->done = std::move(done);
	post(delivery);
}

void
Webhooks::clear()
{
	const std::lock_guard<std::mutex> lock(mutex_);
	events_ = {};
	generation_++; /* deliveries under way count no more and are not repeated */
	counts_ = {0, 0, 0, 0, 0};
}

Webhooks::Counts
Webhooks::counts() const
{
	const std::lock_guard<std::mutex> lock(mutex_);
	return counts_;
}

void
Webhooks::stop()
{
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		stopping_ = true;
	}
	curl_multi_wakeup(multi_);
	if (thread_.joinable())
		thread_.join();
}

} // namespace sandbox
