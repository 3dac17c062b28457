/*
 * retry_test.cpp — waits grow, stay between half the base and the cap, and survive odd policies.
 */
#include "core/answer/retry.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

constexpr double almost_one = 0.9999999999999999;

TEST(Retry, CeilingDoublesUpToTheCap)
{
	RetryPolicy policy;
	std::int64_t ceiling = 1000;
	for (int attempt = 1; attempt <= 40; attempt++) {
		EXPECT_EQ(retry_delay_ms(policy, attempt, 0.0), 500) << attempt;
		std::int64_t most = retry_delay_ms(policy, attempt, almost_one);
		EXPECT_LE(most, ceiling);
		EXPECT_GE(most, ceiling - 1);
		ceiling = std::min<std::int64_t>(ceiling * 2, policy.cap_ms);
	}
}

TEST(Retry, NeverOutsideItsBounds)
{
	RetryPolicy policy;
	for (int attempt : {std::numeric_limits<int>::min(), -1, 0, 1, 2, 10, 63, 64, 65, 1000,
	                    std::numeric_limits<int>::max()})
		for (double random :
		     {-1.0, 0.0, 0.25, 0.5, almost_one, 1.0, 7.0, std::numeric_limits<double>::quiet_NaN(),
		      std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
			std::int64_t delay = retry_delay_ms(policy, attempt, random);
			EXPECT_GE(delay, policy.base_ms / 2);
			EXPECT_LE(delay, policy.cap_ms);
		}
}

TEST(Retry, OddPolicies)
{
	constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
	constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

	for (std::int64_t base : {smallest, std::int64_t(-1), std::int64_t(0), std::int64_t(1),
	                          std::int64_t(1000), largest})
		for (std::int64_t cap :
		     {smallest, std::int64_t(0), std::int64_t(1), std::int64_t(500), largest}) {
			RetryPolicy policy{base, cap, 8};
			for (double random : {0.0, 0.5, almost_one}) {
				std::int64_t delay = retry_delay_ms(policy, 80, random);
				EXPECT_GE(delay, 0);
				EXPECT_LE(delay, std::max<std::int64_t>(cap, 0));
			}
		}
	EXPECT_EQ(retry_delay_ms({1000, 100, 8}, 1, 0.0), 100);
}

TEST(Retry, JitterSpreads)
{
	RetryPolicy policy;
	EXPECT_LT(retry_delay_ms(policy, 5, 0.1), retry_delay_ms(policy, 5, 0.2));
	EXPECT_LT(retry_delay_ms(policy, 5, 0.2), retry_delay_ms(policy, 5, 0.9));
}

} // namespace
} // namespace whatsapp
