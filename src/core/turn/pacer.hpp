/*
 * pacer.hpp — how many messages a number may send now: at most its rate in any one second.
 *
 * A sliding window of what was sent, not a bucket: a bucket of the same rate lets its burst through
 * on top. Pure arithmetic; the clock comes from outside.
 */
#pragma once

#include <cstdint>
#include <deque>

namespace whatsapp
{

/* A second by the platform's clock, and a hundredth more, since requests arrive closer together
 * than they left. */
inline constexpr std::int64_t pacing_window_ms = 1010;

class Pacer
{
public:
	/* Nothing is known of the second before: the first window counts as full, so that a restart in
	 * the middle of a burst adds none. */
	explicit Pacer(std::int64_t now_ms) noexcept : started_ms_(now_ms) {}

	/* 0: not paced */
	void
	set_rate(int per_second) noexcept
	{
		per_second_ = per_second;
	}

	/* count messages leave now. */
	void count_messages(int count, std::int64_t now_ms);

	/* A message that was counted at spent_ms left only at left_ms, since it had to wait for a
	 * connection. */
	void correct_departure(std::int64_t spent_ms, std::int64_t left_ms);

	/* What may leave now; at most `wanted`. */
	int allowance(int wanted, std::int64_t now_ms);

	/* When more may leave, by the same clock; now_ms when some may already. */
	std::int64_t next_message_ms(std::int64_t now_ms);

	/* The platform said 130429: somebody else sends from this number, too. The rate is lowered at
	 * once and recovers within a minute. */
	void lower_rate(std::int64_t now_ms);

	/* The platform named a time before which nothing is to be sent. */
	void
	rest_until(std::int64_t at_ms) noexcept
	{
		rest_until_ms_ = at_ms > rest_until_ms_ ? at_ms : rest_until_ms_;
	}
	void
	end_rest() noexcept
	{
		rest_until_ms_ = 0;
	}

private:
	struct Spent {
		std::int64_t at_ms;
		int count;
	};

	void forget_old(std::int64_t now_ms);
	int rate(std::int64_t now_ms) const;

	std::int64_t started_ms_;
	std::int64_t rest_until_ms_ = 0;
	int per_second_ = 0;
	int in_window_ = 0;
	std::deque<Spent> window_;
	double share_ = 1.0; /* of per_second_, lowered by lower_rate() */
	std::int64_t share_at_ms_ = 0;
};

} // namespace whatsapp
