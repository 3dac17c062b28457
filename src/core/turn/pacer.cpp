/*
 * pacer.cpp — the window, counted in milliseconds, so that its memory is bounded by its length and
 * not by the rate.
 */
#include "core/turn/pacer.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double slow_down_factor = 0.7;
constexpr double least_share = 0.05;
constexpr double recovery_per_ms = 1.0 / 60000;

} // namespace

void
Pacer::forget_old(std::int64_t now_ms)
{
	while (!window_.empty() && now_ms - window_.front().at_ms >= pacing_window_ms) {
		in_window_ -= window_.front().count;
		window_.pop_front();
	}
}

int
Pacer::rate(std::int64_t now_ms) const
{
	const double recovered = static_cast<double>(now_ms - share_at_ms_) * recovery_per_ms;
	const double share = std::min(1.0, share_ + recovered);
	return std::max(1, static_cast<int>(per_second_ * share));
}

void
Pacer::count_messages(int count, std::int64_t now_ms)
{
	if (per_second_ <= 0) {
		window_.clear();
		in_window_ = 0;
		return;
	}
	const auto at =
	    std::lower_bound(window_.begin(), window_.end(), now_ms,
	                     [](const Spent &one, std::int64_t at_ms) { return one.at_ms < at_ms; });
	if (at != window_.end() && at->at_ms == now_ms)
		at->count += count;
	else
		window_.insert(at, {now_ms, count});
	/* last, since the insertion may throw: a count that has no entry in the window would never be
	 * taken off again */
	in_window_ += count;
}

void
Pacer::correct_departure(std::int64_t spent_ms, std::int64_t left_ms)
{
	if (left_ms <= spent_ms)
		return;
	const auto before = [](const Spent &one, std::int64_t at_ms) { return one.at_ms < at_ms; };
	const auto find = [&](std::int64_t at_ms) {
		return std::lower_bound(window_.begin(), window_.end(), at_ms, before);
	};
	const auto spent = find(spent_ms);
	if (spent == window_.end() || spent->at_ms != spent_ms || spent->count == 0)
		return;
	const auto left = find(left_ms);
	if (left != window_.end() && left->at_ms == left_ms)
		left->count++;
	else
		window_.insert(left, {left_ms, 1});
	find(spent_ms)->count--;
}

int
Pacer::allowance(int wanted, std::int64_t now_ms)
{
	if (now_ms < rest_until_ms_)
		return 0;
	if (per_second_ <= 0)
		return wanted;
	if (now_ms - started_ms_ < pacing_window_ms)
		return 0;
	forget_old(now_ms);
	return std::clamp(rate(now_ms) - in_window_, 0, wanted);
}

std::int64_t
Pacer::next_message_ms(std::int64_t now_ms)
{
	if (allowance(1, now_ms) != 0)
		return now_ms;
	if (per_second_ <= 0)
		return rest_until_ms_;
	const std::int64_t at = std::max(rest_until_ms_, started_ms_ + pacing_window_ms);
	return window_.empty() ? at : std::max(at, window_.front().at_ms + pacing_window_ms);
}

void
Pacer::lower_rate(std::int64_t now_ms)
{
	const double now_share = static_cast<double>(rate(now_ms)) / std::max(1, per_second_);
	/* one burst brings many such answers; together they lower the rate once */
	if (share_at_ms_ != 0 && now_ms - share_at_ms_ < pacing_window_ms)
		return;
	share_ = std::max(least_share, now_share * slow_down_factor);
	share_at_ms_ = now_ms;
}

} // namespace whatsapp
