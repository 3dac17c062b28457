/*
 * pacer.cpp — the window, counted in milliseconds, so that its memory is bounded by its length and
 * not by the rate.
 */
#include "core/pacer.hpp"

#include <algorithm>
#include <cstdint>

#include "core/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double slow_down_factor = 0.7;
constexpr double least_share = 0.05;
constexpr double recovery_per_ms = 1.0 / 60000;

} // namespace

void
Pacer::forget_old(Lane &lane, std::int64_t now_ms)
{
	while (!lane.window.empty() && now_ms - lane.window.front().at_ms >= pacing_window_ms) {
		lane.in_window -= lane.window.front().count;
		lane.window.pop_front();
	}
}

int
Pacer::rate(const Lane &lane, std::int64_t now_ms) const
{
	const double recovered = static_cast<double>(now_ms - lane.share_at_ms) * recovery_per_ms;
	const double share = std::min(1.0, lane.share + recovered);
	return std::max(1, static_cast<int>(lane.per_second * share));
}

void
Pacer::spend(const std::string &sender, int per_second, int count, std::int64_t now_ms)
{
	if (per_second <= 0) {
		lanes_.erase(sender);
		return;
	}
	Lane &lane = lanes_[sender];
	lane.per_second = per_second;
	lane.in_window += count;
	const auto at =
	    std::lower_bound(lane.window.begin(), lane.window.end(), now_ms,
	                     [](const Spent &one, std::int64_t at_ms) { return one.at_ms < at_ms; });
	if (at != lane.window.end() && at->at_ms == now_ms)
		at->count += count;
	else
		lane.window.insert(at, {now_ms, count});
}

void
Pacer::correct(const std::string &sender, std::int64_t spent_ms, std::int64_t left_ms)
{
	const auto found = lanes_.find(sender);
	if (found == lanes_.end() || left_ms <= spent_ms)
		return;
	std::deque<Spent> &window = found->second.window;
	const auto before = [](const Spent &one, std::int64_t at_ms) { return one.at_ms < at_ms; };
	auto spent = std::lower_bound(window.begin(), window.end(), spent_ms, before);
	if (spent == window.end() || spent->at_ms != spent_ms || spent->count == 0)
		return;
	spent->count--;
	auto left = std::lower_bound(window.begin(), window.end(), left_ms, before);
	if (left != window.end() && left->at_ms == left_ms)
		left->count++;
	else
		window.insert(left, {left_ms, 1});
}

int
Pacer::allowance(const std::string &sender, std::int64_t now_ms)
{
	const auto found = lanes_.find(sender);
	if (found == lanes_.end())
		return -1;
	forget_old(found->second, now_ms);
	return std::max(0, rate(found->second, now_ms) - found->second.in_window);
}

std::int64_t
Pacer::next_ms(const std::string &sender, std::int64_t now_ms)
{
	if (allowance(sender, now_ms) != 0)
		return now_ms;
	return lanes_.at(sender).window.front().at_ms + pacing_window_ms;
}

void
Pacer::slow_down(const std::string &sender, std::int64_t now_ms)
{
	const auto found = lanes_.find(sender);
	if (found == lanes_.end())
		return;
	Lane &lane = found->second;
	const double now_share = static_cast<double>(rate(lane, now_ms)) / std::max(1, lane.per_second);
	/* one burst brings many such answers; they are one piece of news */
	if (lane.share_at_ms != 0 && now_ms - lane.share_at_ms < pacing_window_ms)
		return;
	lane.share = std::max(least_share, now_share * slow_down_factor);
	lane.share_at_ms = now_ms;
}

} // namespace whatsapp
