/*
 * reaction_test.cpp — for each verdict: what becomes of the message, its number and its platform.
 */
#include "core/answer/reaction.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

constexpr double no_luck = 0;

Outcome
outcome_of(Verdict verdict, long long code = -1, std::int64_t retry_after_ms = -1)
{
	Outcome outcome;
	outcome.verdict = verdict;
	outcome.from_platform = code >= 0 || verdict == Verdict::accepted;
	outcome.has_code = code >= 0;
	outcome.code = code >= 0 ? code : 0;
	outcome.retry_after_ms = retry_after_ms;
	return outcome;
}

Reaction
reaction_to(const Outcome &outcome, int attempt = 1, int max_attempts = 8, const Usage &usage = {})
{
	return choose_reaction(outcome, usage, {attempt, max_attempts, no_luck});
}

TEST(Reaction, Accepted)
{
	const Reaction reaction = reaction_to(outcome_of(Verdict::accepted));
	EXPECT_EQ(reaction.step, NextStep::record_sent);
	EXPECT_TRUE(reaction.platform_answered);
	EXPECT_FALSE(reaction.is_pair_limit);
	EXPECT_FALSE(reaction.slows_number);
	EXPECT_FALSE(reaction.uses_retry_budget);
	EXPECT_EQ(reaction.platform_rest_ms, 0);
	EXPECT_EQ(reaction.number_rest_ms, 0);
}

TEST(Reaction, Refused)
{
	const Reaction reaction = reaction_to(outcome_of(Verdict::refused, 131026));
	EXPECT_EQ(reaction.step, NextStep::record_failed);
	EXPECT_TRUE(reaction.platform_answered);
}

TEST(Reaction, UnknownIsLeftToTheStatusOrThePolicy)
{
	Outcome outcome = outcome_of(Verdict::unknown);
	Reaction reaction = reaction_to(outcome, 100, 1);
	EXPECT_EQ(reaction.step, NextStep::await_status);
	EXPECT_FALSE(reaction.platform_answered);
	EXPECT_FALSE(reaction.uses_retry_budget);
	/* a 2xx page without a message id is no answer of the platform's either */
	outcome.http_status = 200;
	reaction = reaction_to(outcome);
	EXPECT_EQ(reaction.step, NextStep::await_status);
	EXPECT_FALSE(reaction.platform_answered);
}

TEST(Reaction, AccountPausesTheSender)
{
	Reaction reaction = reaction_to(outcome_of(Verdict::account, 190), 100, 1);
	EXPECT_EQ(reaction.step, NextStep::pause_sender);
	EXPECT_EQ(reaction.delay_ms, 30000);
	EXPECT_TRUE(reaction.platform_answered);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::account, 190, 29999)).delay_ms, 30000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::account, 190, 30001)).delay_ms, 30001);
	/* a proxy's 403: the sender pauses, and the platform has not been heard of */
	reaction = reaction_to(outcome_of(Verdict::account));
	EXPECT_EQ(reaction.step, NextStep::pause_sender);
	EXPECT_FALSE(reaction.platform_answered);
}

TEST(Reaction, RetriesWithACodeAreCounted)
{
	const Outcome outcome = outcome_of(Verdict::retry, 131016);
	EXPECT_EQ(reaction_to(outcome, 1, 3).step, NextStep::retry_later);
	EXPECT_EQ(reaction_to(outcome, 2, 3).step, NextStep::retry_later);
	EXPECT_EQ(reaction_to(outcome, 3, 3).step, NextStep::record_failed);
	EXPECT_EQ(reaction_to(outcome, 4, 3).step, NextStep::record_failed);
	EXPECT_TRUE(reaction_to(outcome).platform_answered);
	EXPECT_TRUE(reaction_to(outcome).uses_retry_budget);
}

TEST(Reaction, RetriesWithoutACodeAreNot)
{
	const Outcome outcome = outcome_of(Verdict::retry);
	const Reaction reaction = reaction_to(outcome, 1000, 1);
	EXPECT_EQ(reaction.step, NextStep::retry_later);
	EXPECT_TRUE(reaction.uses_retry_budget);
	EXPECT_FALSE(reaction.platform_answered);
}

TEST(Reaction, TheDelayGrowsAndIsAtLeastWhatIsAskedFor)
{
	EXPECT_EQ(reaction_to(outcome_of(Verdict::retry, 1), 1).delay_ms, 500);
	const auto late = choose_reaction(outcome_of(Verdict::retry, 1), {}, {4, 8, 0.999});
	EXPECT_GT(late.delay_ms, 7000);
	EXPECT_LE(late.delay_ms, 8000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::retry, 1, 400)).delay_ms, 500);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::retry, 1, 7000)).delay_ms, 7000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::retry, -1, 0)).delay_ms, 500);
}

TEST(Reaction, ThrottleIsNeverCounted)
{
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 80007), 1000, 1).step,
	          NextStep::retry_later);
	EXPECT_FALSE(reaction_to(outcome_of(Verdict::throttle, 80007)).uses_retry_budget);
	/* no hot loop */
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 80007, 0)).delay_ms, 1000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 80007, 999)).delay_ms, 1000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 80007, 1001)).delay_ms, 1001);
	/* the table's own waits are for one message, and no sender pauses for them */
	const Reaction reaction = reaction_to(outcome_of(Verdict::throttle, 133016, 259200000));
	EXPECT_EQ(reaction.step, NextStep::retry_later);
	EXPECT_EQ(reaction.delay_ms, 259200000);
}

TEST(Reaction, ThePairLimitGrowsByFour)
{
	const std::int64_t expected[] = {1000, 4000, 16000, 64000, 256000, 1024000, 1024000};
	for (int attempt = 1; attempt <= 7; attempt++) {
		const Reaction reaction = reaction_to(outcome_of(Verdict::throttle, 131056), attempt, 1);
		EXPECT_EQ(reaction.step, NextStep::retry_later);
		EXPECT_TRUE(reaction.is_pair_limit);
		EXPECT_EQ(reaction.delay_ms, expected[attempt - 1]) << attempt;
		EXPECT_FALSE(reaction.slows_number);
	}
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 131056), 1000000000).delay_ms, 1024000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 131056), 0).delay_ms, 1000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 131056, 7000), 3).delay_ms, 7000);
}

TEST(Reaction, TheThroughputLimitSlowsTheNumber)
{
	Reaction reaction = reaction_to(outcome_of(Verdict::throttle, 130429));
	EXPECT_TRUE(reaction.slows_number);
	EXPECT_EQ(reaction.number_rest_ms, 0);
	reaction = reaction_to(outcome_of(Verdict::throttle, 130429, 3000));
	EXPECT_EQ(reaction.number_rest_ms, 3000);
	EXPECT_EQ(reaction.platform_rest_ms, 0);
	EXPECT_EQ(reaction.step, NextStep::retry_later);
	EXPECT_FALSE(reaction_to(outcome_of(Verdict::throttle, 4)).slows_number);
}

TEST(Reaction, AGatewaysRetryAfterIsForThePlatform)
{
	const Reaction reaction = reaction_to(outcome_of(Verdict::retry, -1, 3000));
	EXPECT_EQ(reaction.step, NextStep::retry_later);
	EXPECT_EQ(reaction.platform_rest_ms, 3000);
	EXPECT_EQ(reaction.number_rest_ms, 0);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::retry, 131016, 3000)).platform_rest_ms, 0);
}

/* What can be seen in whatsapp_senders, and ended by wa_resume(). */
TEST(Reaction, ALongSilenceIsAPauseOfTheSender)
{
	for (const Outcome &outcome : {outcome_of(Verdict::retry, -1, max_silent_rest_ms + 1000),
	                               outcome_of(Verdict::throttle, 130429, max_retry_after_ms)}) {
		const Reaction reaction = reaction_to(outcome);
		EXPECT_EQ(reaction.step, NextStep::pause_sender);
		EXPECT_EQ(reaction.delay_ms, outcome.retry_after_ms);
		EXPECT_EQ(reaction.platform_rest_ms, 0);
		EXPECT_EQ(reaction.number_rest_ms, 0);
		EXPECT_FALSE(reaction.uses_retry_budget);
	}
	const Reaction reaction = reaction_to(outcome_of(Verdict::retry, -1, max_silent_rest_ms));
	EXPECT_EQ(reaction.step, NextStep::retry_later);
	EXPECT_EQ(reaction.platform_rest_ms, max_silent_rest_ms);
}

TEST(Reaction, UsageSlowsTheNumberWhateverTheVerdict)
{
	Usage usage;
	usage.percent = slow_down_percent - 1;
	EXPECT_FALSE(reaction_to(outcome_of(Verdict::accepted), 1, 8, usage).slows_number);
	usage.percent = slow_down_percent;
	EXPECT_TRUE(reaction_to(outcome_of(Verdict::accepted), 1, 8, usage).slows_number);
	usage.regain_ms = 5000;
	const Reaction reaction = reaction_to(outcome_of(Verdict::accepted), 1, 8, usage);
	EXPECT_EQ(reaction.step, NextStep::record_sent);
	EXPECT_EQ(reaction.number_rest_ms, 5000);
	EXPECT_EQ(reaction_to(outcome_of(Verdict::throttle, 130429, 9000), 1, 8, usage).number_rest_ms,
	          9000);
}

/* From the bytes to what is done. */
Reaction
reaction_to_page(long status, std::string_view body)
{
	Answer answer;
	answer.transport = Transport::answered;
	answer.http_status = status;
	answer.body = body;
	return reaction_to(judge_answer(answer), 1000, 1);
}

TEST(Reaction, AProxysPageIsNoVerdictOnTheMessage)
{
	for (const long status : {400L, 402L, 405L, 407L, 413L, 421L, 426L, 451L, 499L})
		for (const char *body : {"", "<html>Proxy Authentication Required</html>", "{}",
		                         R"({"error":"denied"})", R"({"message":"no Route matched"})"}) {
			const Reaction reaction = reaction_to_page(status, body);
			EXPECT_EQ(reaction.step, NextStep::retry_later) << status << body;
			EXPECT_FALSE(reaction.platform_answered) << status << body;
		}
	for (const long status : {302L, 401L, 403L, 404L}) {
		const Reaction reaction = reaction_to_page(status, "<html></html>");
		EXPECT_EQ(reaction.step, NextStep::pause_sender) << status;
		EXPECT_FALSE(reaction.platform_answered) << status;
	}
	/* the platform's own refusal, without a code */
	const Reaction reaction = reaction_to_page(400, R"({"error":{"message":"bad"}})");
	EXPECT_EQ(reaction.step, NextStep::record_failed);
	EXPECT_TRUE(reaction.platform_answered);
	/* 407 is no status of the platform's */
	EXPECT_EQ(reaction_to_page(407, R"({"error":{"message":"bad"}})").step, NextStep::retry_later);
}

TEST(Reaction, WhatDoesNotLeaveSaysWhy)
{
	EXPECT_EQ(refuse_unsent(Obstacle::deleted).message, "message was deleted");
	EXPECT_EQ(refuse_unsent(Obstacle::expired).message,
	          "expired: the message was not sent within its time");
	EXPECT_NE(refuse_unsent(Obstacle::opted_out).hint.find("wa_opt_in()"), std::string::npos);
	EXPECT_EQ(refuse_unsent(Obstacle::malformed).message,
	          "the payload of the message is not a JSON object");
	EXPECT_EQ(refuse_unsent(Obstacle::window_closed).message,
	          "the 24-hour window of the recipient is closed");
	for (const Obstacle obstacle :
	     {Obstacle::deleted, Obstacle::opted_out, Obstacle::window_closed, Obstacle::malformed})
		EXPECT_EQ(reaction_to(refuse_unsent(obstacle)).step, NextStep::record_failed);
	EXPECT_EQ(reaction_to(refuse_unsent(Obstacle::expired)).step, NextStep::record_failed);
	for (const Obstacle obstacle : {Obstacle::too_large, Obstacle::without_recipient}) {
		EXPECT_EQ(reaction_to(refuse_unsent(obstacle)).step, NextStep::record_failed);
		EXPECT_FALSE(refuse_unsent(obstacle).message.empty());
	}
	/* no memory is no fault of the message: it is tried again, uncounted */
	EXPECT_EQ(put_off_unsent().message, "out of memory");
	EXPECT_EQ(reaction_to(put_off_unsent()).step, NextStep::retry_later);
	EXPECT_EQ(doubt_unread(200).http_status, 200);
	EXPECT_EQ(reaction_to(doubt_unread(200)).step, NextStep::await_status);
	const Outcome paused = pause_unsent("no access token is set", "Put it there.");
	EXPECT_EQ(paused.message, "no access token is set");
	EXPECT_EQ(paused.hint, "Put it there.");
	EXPECT_EQ(reaction_to(paused).step, NextStep::pause_sender);
	EXPECT_EQ(reaction_to(paused).delay_ms, first_pause_ms);
}

} // namespace
} // namespace whatsapp
