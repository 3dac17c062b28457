/*
 * holds.cpp: the timer thread behind held answers.
 *
 * Besides timers it looks, a few times per second, whether the clients of endless holds have hung
 * up: the server doesn't watch suspended connections, and their descriptors would pile up.
 */
#include "holds.hpp"

#include <chrono>
#include <cstdint>

#include "text.hpp"

namespace sandbox
{

namespace
{

const int64_t sweep_interval_us = 200000;

} // namespace

Holds::Holds() : thread_([this] { run(); }) {}

Holds::~Holds()
{
	stop();
}

Holds::Ticket
Holds::hold(Exchange &exchange, std::optional<int64_t> due)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	if (stopping_)
		return 0;
	const Ticket ticket = next_++;
	exchange.held = true;
	exchange.carrier->suspend();
	held_.emplace(ticket, &exchange);
	if (due) {
		const bool first = timers_.empty() || *due < timers_.top().at;
		timers_.push({*due, ticket});
		if (first)
			wake_.notify_one();
	} else {
		endless_.insert(ticket);
		wake_.notify_one();
	}
	return ticket;
}

void
Holds::release(Ticket ticket, std::optional<Reply> reply)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	const auto found = held_.find(ticket);
	if (found == held_.end())
		return;
	Exchange &exchange = *found->second;
	held_.erase(found);
	endless_.erase(ticket);
	if (reply)
		exchange.reply = std::move(*reply);
	exchange.carrier->resume();
}

void
Holds::stop()
{
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		stopping_ = true;
		for (const auto &held : held_) {
			held.second->reply.cut = Cut::Reset;
			held.second->carrier->resume();
		}
		held_.clear();
		endless_.clear();
	}
	wake_.notify_one();
	if (thread_.joinable())
		thread_.join();
}

/* With the mutex held. */
void
Holds::sweep()
{
	for (auto it = endless_.begin(); it != endless_.end();) {
		const auto found = held_.find(*it);
		if (found != held_.end() && !found->second->carrier->abandoned()) {
			++it;
			continue;
		}
		if (found != held_.end()) {
			found->second->reply.cut = Cut::Reset;
			found->second->carrier->resume();
			held_.erase(found);
		}
		it = endless_.erase(it);
	}
}

void
Holds::run()
{
	std::unique_lock<std::mutex> lock(mutex_);
	int64_t next_sweep = 0;
	while (!stopping_) {
		const int64_t now = now_us();
		while (!timers_.empty() && timers_.top().at <= now) {
			const auto found = held_.find(timers_.top().ticket);
			timers_.pop();
			if (found == held_.end())
				continue;
			found->second->carrier->resume();
			held_.erase(found);
		}
		if (!endless_.empty() && now >= next_sweep) {
			sweep();
			next_sweep = now + sweep_interval_us;
		}
		int64_t until = timers_.empty() ? INT64_MAX : timers_.top().at;
		if (!endless_.empty())
			until = std::min(until, next_sweep);
		if (until == INT64_MAX)
			wake_.wait(lock);
		else
			wake_.wait_for(lock, std::chrono::microseconds(std::max<int64_t>(until - now_us(), 0)));
	}
}

} // namespace sandbox
