/*
 * breaker_test.cpp — an outage is not hammered, and neither is a platform that answers now and
 * then.
 */
#include "core/turn/breaker.hpp"
#include "core/answer/usage.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace
{

using whatsapp::Breaker;
using whatsapp::Gate;

void
fail(Breaker &breaker, int times, std::int64_t now_ms)
{
	for (int i = 0; i < times; i++)
		breaker.count_failure(now_ms, now_ms);
}

TEST(Breaker, OpensTheCircuitAfterFailuresInARow)
{
	Breaker breaker;
	fail(breaker, Breaker::most_failures - 1, 0);
	EXPECT_EQ(breaker.gate(0), Gate::open);
	breaker.count_answer(0);
	fail(breaker, Breaker::most_failures - 1, 0);
	EXPECT_EQ(breaker.gate(0), Gate::open);
	fail(breaker, 1, 0);
	EXPECT_EQ(breaker.gate(0), Gate::shut);
	EXPECT_EQ(breaker.next_probe_ms(0), Breaker::first_rest_ms);
}

TEST(Breaker, ProbesAndRestsLonger)
{
	Breaker breaker;
	std::int64_t now = 0;
	std::int64_t rest = Breaker::first_rest_ms;
	fail(breaker, Breaker::most_failures, now);
	for (int i = 0; i < 10; i++) {
		/* the others that were on the wire */
		fail(breaker, 100, now + 1);
		EXPECT_EQ(breaker.gate(now + rest - 1), Gate::shut);
		now += rest;
		EXPECT_EQ(breaker.gate(now), Gate::probe);
		fail(breaker, 1, now);
		rest = std::min(2 * rest, Breaker::last_rest_ms);
	}
	EXPECT_EQ(rest, Breaker::last_rest_ms);
	now += rest;
	breaker.count_answer(now);
	EXPECT_EQ(breaker.gate(now), Gate::open);
	EXPECT_EQ(breaker.next_probe_ms(now), 0);
}

TEST(Breaker, WhatWasOnTheWireWhenTheGateFellTellsNothing)
{
	Breaker breaker;
	fail(breaker, Breaker::most_failures, 100);
	const std::int64_t probing = 100 + Breaker::first_rest_ms;
	breaker.count_answer(90);
	EXPECT_EQ(breaker.gate(probing - 1), Gate::shut);
	EXPECT_EQ(breaker.gate(probing), Gate::probe);
	/* nor does it once probes leave, be it good or bad */
	breaker.count_answer(100);
	EXPECT_EQ(breaker.gate(probing), Gate::probe);
	breaker.count_failure(100, probing);
	EXPECT_EQ(breaker.gate(probing), Gate::probe);
	breaker.count_answer(probing);
	EXPECT_EQ(breaker.gate(probing), Gate::open);
	/* the fall is past: a late failure opens no new row of them */
	for (int i = 0; i < Breaker::most_failures; i++)
		breaker.count_failure(90, probing);
	EXPECT_EQ(breaker.gate(probing), Gate::open);
	fail(breaker, Breaker::most_failures, probing + 1);
	EXPECT_EQ(breaker.gate(probing + 1), Gate::shut);
}

TEST(Breaker, RestsAsLongAsThePlatformAsksFor)
{
	Breaker breaker;
	breaker.rest_until(5000);
	EXPECT_EQ(breaker.gate(4999), Gate::shut);
	EXPECT_EQ(breaker.gate(5000), Gate::open);
}

TEST(Breaker, RetriesAreATenthOfTheRequests)
{
	Breaker breaker;
	int made = 0;
	/* a hundred requests a second, of which each fails, for ten minutes: what is due is tried again
	 */
	for (std::int64_t now = 1; now <= 600000; now += 10) {
		breaker.count_request();
		made += breaker.retry_delay_ms(1000, now) == 1000 ? 1 : 0;
	}
	EXPECT_LE(made, 100 + 6000 + 600);
}

TEST(Breaker, ARetryIsPutOffButNeverForMoreThanAQuarterOfAnHour)
{
	Breaker breaker;
	std::int64_t longest = 0;
	for (int i = 0; i < 100000; i++)
		longest = std::max(longest, breaker.retry_delay_ms(1000, 1));
	EXPECT_EQ(longest, 15 * 60 * 1000);
	EXPECT_EQ(breaker.retry_delay_ms(1000, 1 + 2000000), 1000);
}

TEST(Usage, ReadsTheGreatestCounterAndTheTimeToRegain)
{
	const whatsapp::Usage usage = whatsapp::read_usage(
	    R"({"102290": [{"type": "whatsapp_business_management", "call_count": 12, "total_cputime": 1, "total_time": 1,
	    "estimated_time_to_regain_access": 0}, {"type": "whatsapp", "call_count": 1, "total_cputime": 96.5,
	    "estimated_time_to_regain_access": 3}]})");
	EXPECT_EQ(usage.percent, 96);
	EXPECT_EQ(usage.regain_ms, 180000);
}

TEST(Usage, WhatCannotBeReadSaysNothing)
{
	for (const char *header :
	     {"", "{", "[]", "null", R"({"a": 1})", R"({"a": [1]})",
	      R"({"a": [{"call_count": "x", "estimated_time_to_regain_access": -5}]})"}) {
		const whatsapp::Usage usage = whatsapp::read_usage(header);
		EXPECT_EQ(usage.percent, 0) << header;
		EXPECT_EQ(usage.regain_ms, 0) << header;
	}
	EXPECT_EQ(whatsapp::read_usage(
	              R"({"a": [{"call_count": 1e300, "estimated_time_to_regain_access": 1e300}]})")
	              .regain_ms,
	          15 * 60000);
}

} // namespace
