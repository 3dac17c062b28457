/*
 * progress_test.cpp — the sum of statuses does not depend on their order, number or grouping.
 */
#include "core/webhook/progress.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

StatusReport
report(const char *status, std::int64_t at)
{
	StatusReport made;
	made.wamid = "wamid.1";
	made.status = status;
	made.timestamp = at;
	return made;
}

StatusReport
priced(const char *status, std::int64_t at, const char *category, int billable)
{
	StatusReport made = report(status, at);
	made.pricing_category = category;
	made.pricing_type = "regular";
	made.billable = billable;
	made.conversation_id = category;
	return made;
}

StatusReport
failed(std::int64_t at, std::int64_t code, const char *message)
{
	StatusReport made = report("failed", at);
	made.has_error = true;
	made.error_code = code;
	made.error_message = message;
	return made;
}

auto
all_of(const Progress &sum)
{
	return std::make_tuple(sum.sent_at, sum.delivered_at, sum.read_at, sum.price_rank,
	                       sum.told.pricing_category, sum.told.billable, sum.told.wa_id,
	                       sum.told.user_id, sum.told.conversation_id, sum.told.wamid,
	                       sum.told.pricing_cost, sum.told.pricing_currency);
}

Progress
sum_of(const std::vector<StatusReport> &pool, const std::vector<std::size_t> &order)
{
	Progress sum;
	for (std::size_t place : order)
		add_report(sum, pool[place]);
	return sum;
}

std::vector<StatusReport>
pool()
{
	std::vector<StatusReport> made = {priced("sent", 10, "marketing", 1),
	                                  priced("sent", 12, "utility", 0),
	                                  priced("delivered", 20, "utility", -1),
	                                  report("delivered", 22),
	                                  report("read", 30),
	                                  report("played", 31),
	                                  failed(14, 131026, "a"),
	                                  failed(14, 131049, "b"),
	                                  report("warning", 1)};
	made[4].pricing_category = "service";
	made[1].wa_id = "34600111222";
	made[3].wa_id = "34600111333";
	made[4].user_id = "ES.1";
	/* what the message has cost, told thrice */
	made[2].pricing_cost = "9.00000000";
	made[2].pricing_currency = "USD";
	made[3].pricing_cost = made[5].pricing_cost = "10.00000000";
	made[3].pricing_currency = "USD";
	made[5].pricing_currency = "EUR";
	return made;
}

/* every order of everything: 9! of them, each with its last event twice */
TEST(Progress, OrderAndNumberDoNotMatter)
{
	const std::vector<StatusReport> all = pool();
	std::vector<std::size_t> order(all.size());
	std::iota(order.begin(), order.end(), std::size_t{0});
	const auto expected = all_of(sum_of(all, order));
	std::size_t wrong = 0;
	do {
		Progress sum = sum_of(all, order);
		add_report(sum, all[order.back()]);
		add_report(sum, all[order.front()]);
		wrong += all_of(sum) == expected ? 0 : 1;
	} while (std::next_permutation(order.begin(), order.end()));
	EXPECT_EQ(wrong, 0U);
}

/* and of every subset */
TEST(Progress, OfEverySubset)
{
	const std::vector<StatusReport> all = pool();
	for (unsigned set = 1; set < 1U << all.size(); set++) {
		std::vector<std::size_t> order;
		for (std::size_t i = 0; i < all.size(); i++)
			if ((set >> i & 1U) != 0)
				order.push_back(i);
		if (order.size() > 5)
			continue;
		const auto expected = all_of(sum_of(all, order));
		while (std::next_permutation(order.begin(), order.end()))
			ASSERT_EQ(all_of(sum_of(all, order)), expected) << set;
	}
}

TEST(Progress, Meaning)
{
	Progress sum;
	add_report(sum, report("read", 30));
	EXPECT_EQ(sum.sent_at, 30);
	EXPECT_EQ(sum.delivered_at, 30);
	EXPECT_EQ(sum.read_at, 30);
	add_report(sum, report("delivered", 20));
	EXPECT_EQ(sum.delivered_at, 20);
	EXPECT_EQ(sum.read_at, 30);
	add_report(sum, priced("sent", 10, "marketing", 1));
	EXPECT_EQ(sum.told.pricing_category, "marketing");
	add_report(sum, priced("delivered", 20, "utility", 0));
	EXPECT_EQ(sum.told.pricing_category, "utility");
	EXPECT_EQ(sum.told.billable, 0);
	add_report(sum, priced("sent", 9, "authentication", 1));
	EXPECT_EQ(sum.told.pricing_category, "utility");
	EXPECT_EQ(sum.sent_at, 9);
	add_report(sum, failed(8, 5, "no progress"));
	EXPECT_EQ(sum.sent_at, 9);
}

/* as numbers; and it needs no category beside it */
TEST(Progress, TheGreatestCostCounts)
{
	Progress sum;
	StatusReport told = report("delivered", 20);
	for (const char *cost : {"0.03500000", "10.00000000", "9.50000000", "0.00000000"}) {
		told.pricing_cost = cost;
		told.pricing_currency = "USD";
		add_report(sum, told);
	}
	add_report(sum, report("read", 21));
	EXPECT_EQ(sum.told.pricing_cost, "10.00000000");
	EXPECT_EQ(sum.told.pricing_currency, "USD");
	EXPECT_EQ(sum.price_rank, StatusRank::none);
	Progress free;
	told.pricing_cost = "0.00000000";
	add_report(free, told);
	EXPECT_EQ(free.told.pricing_cost, "0.00000000");
}

TEST(Progress, AConversationsOriginDoesNotReplaceAPrice)
{
	Progress sum;
	StatusReport origin = report("read", 30);
	origin.pricing_category = "service";
	add_report(sum, origin);
	EXPECT_EQ(sum.told.pricing_category, "service");
	add_report(sum, priced("delivered", 20, "utility", 0));
	add_report(sum, origin);
	EXPECT_EQ(sum.told.pricing_category, "utility");
	EXPECT_EQ(sum.price_rank, StatusRank::delivered);
}

TEST(Progress, UnknownWordsSayNothing)
{
	Progress sum;
	for (const char *word : {"", "warning", "deleted", "SENT", "sent ", "brand_new"}) {
		EXPECT_EQ(rank_of(word), StatusRank::none) << word;
		add_report(sum, report(word, 5));
	}
	EXPECT_EQ(all_of(sum), all_of(Progress()));
	EXPECT_EQ(rank_of("played"), StatusRank::read);
	EXPECT_EQ(rank_of("failed"), StatusRank::failed);
}

} // namespace
} // namespace whatsapp
