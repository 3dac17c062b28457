/*
 * pacer_test.cpp — never above the rate in any second, close to it all the time.
 */
#include "core/turn/pacer.hpp"

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
	pacer.set_rate(per_second);
	std::deque<std::pair<std::int64_t, int>> window;
	Tally result;
	int in_window = 0;
	for (std::int64_t now = 2000; now < 2000 + seconds * 1000; now += step_ms) {
		const int count = pacer.allowance(at_once, now);
		if (count == 0)
			continue;
		pacer.count_messages(count, now);
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

TEST(Pacer, WithoutARateNothingIsCounted)
{
	Pacer pacer(0);
	EXPECT_EQ(pacer.allowance(7, 5), 7);
	pacer.count_messages(100, 5000);
	EXPECT_EQ(pacer.allowance(7, 5000), 7);
	pacer.set_rate(10);
	pacer.count_messages(4, 5000);
	EXPECT_EQ(pacer.allowance(100, 5000), 6);
	EXPECT_EQ(pacer.allowance(2, 5000), 2);
	pacer.set_rate(0);
	pacer.count_messages(1, 5001);
	EXPECT_EQ(pacer.allowance(100, 5001), 100);
}

TEST(Pacer, TellsWhenMoreMayLeave)
{
	Pacer pacer(0);
	pacer.set_rate(10);
	pacer.count_messages(10, 5000);
	EXPECT_EQ(pacer.allowance(10, 5500), 0);
	EXPECT_EQ(pacer.next_message_ms(5500), 6010);
	EXPECT_EQ(pacer.allowance(100, 6010), 10);
	EXPECT_EQ(pacer.next_message_ms(6010), 6010);
}

TEST(Pacer, SlowsDownOnceAndRecovers)
{
	Pacer pacer(0);
	pacer.set_rate(100);
	pacer.count_messages(100, 5000);
	for (int i = 0; i < 50; i++)
		pacer.lower_rate(5100 + i);
	EXPECT_EQ(pacer.allowance(1000, 6010), 71);
	pacer.lower_rate(7000);
	EXPECT_LT(pacer.allowance(1000, 7000), 55);
	EXPECT_EQ(pacer.allowance(1000, 7000 + 60000), 100);
	for (int i = 0; i < 100; i++)
		pacer.lower_rate(100000 + i * 2000);
	EXPECT_GE(pacer.allowance(1000, 300000), 5);
}

TEST(Pacer, RestsWhateverTheRate)
{
	for (const int per_second : {0, 100}) {
		Pacer pacer(0);
		pacer.set_rate(per_second);
		pacer.rest_until(9000);
		pacer.rest_until(8000);
		EXPECT_EQ(pacer.allowance(1, 8999), 0);
		EXPECT_EQ(pacer.next_message_ms(5000), 9000);
		EXPECT_EQ(pacer.allowance(1, 9000), 1);
	}
}

TEST(Pacer, CountsFromWhenBytesLeft)
{
	Pacer pacer(0);
	pacer.set_rate(10);
	pacer.count_messages(10, 5000);
	pacer.correct_departure(5000, 5030);
	pacer.correct_departure(5000, 5030);
	pacer.correct_departure(5000, 5000);
	pacer.correct_departure(4999, 5050);
	EXPECT_EQ(pacer.allowance(10, 6009), 0);
	EXPECT_EQ(pacer.allowance(10, 6010), 8);
	EXPECT_EQ(pacer.allowance(10, 6040), 10);
	pacer.correct_departure(5000, 5050);
	EXPECT_EQ(pacer.allowance(10, 6040), 10);
}

TEST(Pacer, TheFirstSecondIsFull)
{
	Pacer pacer(1000);
	pacer.set_rate(10);
	EXPECT_EQ(pacer.allowance(10, 2009), 0);
	EXPECT_EQ(pacer.next_message_ms(1500), 2010);
	EXPECT_EQ(pacer.allowance(10, 2010), 10);
}

} // namespace
