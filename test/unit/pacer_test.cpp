/*
 * pacer_test.cpp — never above the rate in any second, close to it all the time.
 */
#include "core/pacer.hpp"

#include <cstdint>
#include <deque>

#include <gtest/gtest.h>

namespace
{

using whatsapp::Pacer;

/* Sends as fast as it may for some seconds; returns how many, and the most in any sliding second.
 */
struct Tally {
	int sent = 0;
	int most = 0;
};

Tally
run(int per_second, int step_ms, int at_once, int seconds)
{
	Pacer pacer(0);
	std::deque<std::pair<std::int64_t, int>> window;
	Tally result;
	int in_window = 0;
	for (std::int64_t now = 2000; now < 2000 + seconds * 1000; now += step_ms) {
		const int allowed = pacer.allowance("s", now);
		const int count = std::min(at_once, allowed < 0 ? per_second : allowed);
		if (count == 0)
			continue;
		pacer.spend("s", per_second, count, now);
		window.emplace_back(now, count);
		in_window += count;
		while (now - window.front().first >= 1000) {
			in_window -= window.front().second;
			window.pop_front();
		}
		result.sent += count;
		result.most = std::max(result.most, in_window);
	}
	return result;
}

TEST(Pacer, NeverAboveTheRateAndCloseToIt)
{
	for (int per_second : {1, 20, 80, 1000})
		for (int step_ms : {1, 7, 50})
			for (int at_once : {1, 13, 1000}) {
				const Tally result = run(per_second, step_ms, at_once, 60);
				const int possible = std::min(per_second, at_once * 1000 / step_ms);
				EXPECT_LE(result.most, per_second)
				    << per_second << " " << step_ms << " " << at_once;
				/* a step that does not divide the window costs up to its own length */
				EXPECT_GE(result.sent, possible * 60 * 0.98 * 1000 / (1010 + step_ms))
				    << per_second << " " << step_ms << " " << at_once;
			}
}

TEST(Pacer, ASenderThatIsNotPacedIsNotCounted)
{
	Pacer pacer(0);
	EXPECT_EQ(pacer.allowance("s", 5000), -1);
	pacer.spend("s", 0, 100, 5000);
	EXPECT_EQ(pacer.allowance("s", 5000), -1);
	pacer.spend("s", 10, 4, 5000);
	EXPECT_EQ(pacer.allowance("s", 5000), 6);
	pacer.spend("s", 0, 1, 5001);
	EXPECT_EQ(pacer.allowance("s", 5001), -1);
}

TEST(Pacer, SendersDoNotShare)
{
	Pacer pacer(0);
	pacer.spend("a", 10, 10, 5000);
	pacer.spend("b", 10, 1, 5000);
	EXPECT_EQ(pacer.allowance("a", 5000), 0);
	EXPECT_EQ(pacer.allowance("b", 5000), 9);
	EXPECT_EQ(pacer.next_ms("a", 5500), 6010);
	EXPECT_EQ(pacer.next_ms("b", 5500), 5500);
	EXPECT_EQ(pacer.allowance("a", 6010), 10);
}

TEST(Pacer, SlowsDownOnceAndRecovers)
{
	Pacer pacer(0);
	pacer.spend("s", 100, 100, 5000);
	for (int i = 0; i < 50; i++)
		pacer.slow_down("s", 5100 + i);
	EXPECT_EQ(pacer.allowance("s", 6010), 71);
	pacer.slow_down("s", 7000);
	EXPECT_LT(pacer.allowance("s", 7000), 55);
	EXPECT_EQ(pacer.allowance("s", 7000 + 60000), 100);
	for (int i = 0; i < 100; i++)
		pacer.slow_down("s", 100000 + i * 2000);
	EXPECT_GE(pacer.allowance("s", 300000), 5);
}

TEST(Pacer, CountsFromWhenBytesLeft)
{
	Pacer pacer(0);
	pacer.spend("s", 10, 10, 5000);
	pacer.correct("s", 5000, 5030);
	pacer.correct("s", 5000, 5030);
	pacer.correct("s", 5000, 5000);
	pacer.correct("s", 4999, 5050);
	pacer.correct("t", 5000, 5050);
	EXPECT_EQ(pacer.allowance("s", 6009), 0);
	EXPECT_EQ(pacer.allowance("s", 6010), 8);
	EXPECT_EQ(pacer.allowance("s", 6040), 10);
	pacer.correct("s", 5000, 5050);
	EXPECT_EQ(pacer.allowance("s", 6040), 10);
}

TEST(Pacer, TheFirstSecondIsFull)
{
	Pacer pacer(1000);
	EXPECT_TRUE(pacer.warming_up(2009));
	EXPECT_FALSE(pacer.warming_up(2010));
}

} // namespace
