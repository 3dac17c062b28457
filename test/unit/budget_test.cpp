/* What fits into a budget, when it warns, and the market of a phone number by its beginning. */
#include "core/price/budget_rule.hpp"
#include "core/price/market_prefix.hpp"

#include <gtest/gtest.h>
#include <iterator>
#include <limits>

using namespace whatsapp;

TEST(Budget, WhatFitsIsUpToTheLimit)
{
	EXPECT_TRUE(fits_budget({100, 0}, 100));
	EXPECT_FALSE(fits_budget({100, 0}, 101));
	EXPECT_TRUE(fits_budget({100, 99}, 1));
	EXPECT_FALSE(fits_budget({100, 99}, 2));
	EXPECT_FALSE(fits_budget({0, 0}, 1));
	EXPECT_FALSE(fits_budget({100, 150}, 1));
}

TEST(Budget, WhatIsFreeAlwaysFits)
{
	EXPECT_TRUE(fits_budget({0, 0}, 0));
	EXPECT_TRUE(fits_budget({100, 150}, 0));
}

TEST(Budget, WarnsAtEachBoundaryAndNotBefore)
{
	constexpr struct {
		std::int64_t used;
		int percent;
	} cases[] = {{0, 0},     {4999, 0},  {5000, 50}, {5001, 50},   {7999, 50},
	             {8000, 80}, {8001, 80}, {9999, 80}, {10000, 100}, {10001, 100}};
	for (const auto &one : cases)
		EXPECT_EQ(budget_warning({10000, one.used}), one.percent) << one.used;
}

TEST(Budget, WarnsExactlyAlsoWhereTheLimitCannotBeHalved)
{
	for (std::int64_t limit = 1; limit < 200; limit++)
		for (std::int64_t used = 0; used <= limit + 1; used++) {
			const int percent = used >= limit              ? 100
			                    : 100 * used >= 80 * limit ? 80
			                    : 100 * used >= 50 * limit ? 50
			                                               : 0;
			EXPECT_EQ(budget_warning({limit, used}), percent) << used << " of " << limit;
		}
}

TEST(Budget, ALimitOfNothingIsUsedUp)
{
	EXPECT_EQ(budget_warning({0, 0}), 100);
}

TEST(Budget, NothingOverflows)
{
	constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
	EXPECT_EQ(budget_warning({most, 0}), 0);
	EXPECT_EQ(budget_warning({most, most - 1}), 80);
	EXPECT_FALSE(fits_budget({most, most - 1}, most));
}

namespace
{

constexpr MarketPrefix prefixes[] = {{"1", 10}, {"1242", 0}, {"1809", 20}, {"34", 30},
                                     {"7", 40}, {"76", 50},  {"77", 50}};

int
market(const char *phone)
{
	const int found = find_market_prefix(prefixes, std::size(prefixes), phone);
	return found < 0 ? -1 : prefixes[found].market;
}

} // namespace

TEST(MarketPrefix, TheLongestCounts)
{
	EXPECT_EQ(market("+12025550123"), 10);
	EXPECT_EQ(market("+18095550123"), 20);
	EXPECT_EQ(market("+12425550123"), 0);
	EXPECT_EQ(market("+34612345678"), 30);
	EXPECT_EQ(market("+74955550123"), 40);
	EXPECT_EQ(market("+77015550123"), 50);
}

TEST(MarketPrefix, NoneIsSaid)
{
	EXPECT_EQ(market("+4915112345678"), -1);
	EXPECT_EQ(market("+3"), -1);
	EXPECT_EQ(market("+"), -1);
	EXPECT_EQ(market("34612345678"), -1);
	EXPECT_EQ(market(""), -1);
	EXPECT_EQ(find_market_prefix(prefixes, 0, "+34612345678"), -1);
}
