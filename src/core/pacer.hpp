/*
 * pacer.hpp — how many messages a number may send now: at most its rate in any one second, whatever
 * the rhythm.
 *
 * A sliding window of what was sent, not a bucket: a bucket of the same rate lets its burst through
 * on top. Pure arithmetic; the clock comes from outside.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace whatsapp
{

/* A second by the platform's clock, and a hundredth for what the network does to the distances. */
inline constexpr std::int64_t pacing_window_ms = 1010;

class Pacer
{
public:
	/* Nothing is known of the second before: the first window counts as full, so that a restart in
	 * the middle of a burst adds none. */
	explicit Pacer(std::int64_t now_ms) noexcept : started_ms_(now_ms) {}

	/* count messages of the sender leave now; per_second 0 means that it is not paced. */
	void spend(const std::string &sender, int per_second, int count, std::int64_t now_ms);

	/* One that was spent at spent_ms left later than that, at left_ms: it had waited for a
	 * connection. */
	void correct(const std::string &sender, std::int64_t spent_ms, std::int64_t left_ms);

	/* What it may send now; -1 for a sender that is not paced or that nothing has been spent for.
	 */
	int allowance(const std::string &sender, std::int64_t now_ms);

	/* When it may send more, by the same clock; now_ms when it may already. */
	std::int64_t next_ms(const std::string &sender, std::int64_t now_ms);

	/* The platform said 130429: somebody else sends from this number, too. The rate is lowered at
	 * once and recovers within a minute. */
	void slow_down(const std::string &sender, std::int64_t now_ms);

	/* The first second of this pacer's life. */
	bool
	warming_up(std::int64_t now_ms) const noexcept
	{
		return now_ms - started_ms_ < pacing_window_ms;
	}
	std::int64_t
	warm_ms() const noexcept
	{
		return started_ms_ + pacing_window_ms;
	}

	struct Spent {
		std::int64_t at_ms;
		int count;
	};
	struct Lane {
		int per_second = 0;
		int in_window = 0;
		std::deque<Spent> window;
		double share = 1.0; /* of per_second, lowered by slow_down() */
		std::int64_t share_at_ms = 0;
	};
	const std::map<std::string, Lane> &
	lanes() const noexcept
	{
		return lanes_;
	}

private:
	void forget_old(Lane &lane, std::int64_t now_ms);
	int rate(const Lane &lane, std::int64_t now_ms) const;

	std::int64_t started_ms_;
	std::map<std::string, Lane> lanes_;
};

} // namespace whatsapp
