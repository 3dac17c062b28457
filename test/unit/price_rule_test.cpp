/*
 * price_rule_test.cpp — three models by their days; nothing is free without a reason.
 */
#include "core/price/price_rule.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

const std::vector<std::string> charged = {"marketing", "utility", "authentication",
                                          "authentication_international"};
const std::vector<Day> days = {19700101, 20220201, 20230531, 20230601, 20241031, 20241101,
                               20250630, 20250701, 20260930, 20261001, 20261128, 99991231};

std::string
shown(const PriceRule &rule)
{
	if (rule.reason != nullptr)
		return std::string("none: ") + rule.reason;
	return std::string(model_name(rule.model)) + " " + basis_name(rule.basis) + " " +
	       std::to_string(rule.free_units) + " " + std::string(rule.category);
}

std::string
service_on(Day day)
{
	return shown(price_rule("service", day, true));
}

TEST(PriceRule, ServiceMessagesByTheDay)
{
	EXPECT_EQ(service_on(20241031), "conversation rate 1000 service");
	EXPECT_EQ(service_on(20241101), "conversation free_service 0 service");
	EXPECT_EQ(service_on(20250630), "conversation free_service 0 service");
	EXPECT_EQ(service_on(20250701), "template_message free_service 0 service");
	EXPECT_EQ(service_on(20260930), "template_message free_service 0 service");
	EXPECT_EQ(service_on(20261001), "message rate 1000 service");
}

/* The first 1,000 conversations a month are free, whatever they are about; later only service. */
TEST(PriceRule, ConversationsOfTheQuickReference)
{
	EXPECT_EQ(shown(price_rule("utility", 20230531, false)), "conversation rate 1000 utility");
	EXPECT_EQ(shown(price_rule("marketing", 20230531, false)), "conversation rate 1000 marketing");
	EXPECT_EQ(shown(price_rule("utility", 20230601, true)), "conversation rate 0 utility");
}

TEST(PriceRule, UtilityInsideTheWindowWasFreeFor15Months)
{
	EXPECT_EQ(shown(price_rule("utility", 20250630, true)), "conversation rate 0 utility");
	EXPECT_EQ(shown(price_rule("utility", 20250701, true)),
	          "template_message free_window 0 utility");
	EXPECT_EQ(shown(price_rule("utility", 20250701, false)), "template_message rate 0 utility");
	EXPECT_EQ(shown(price_rule("utility", 20260930, true)),
	          "template_message free_window 0 utility");
	EXPECT_EQ(shown(price_rule("utility", 20261001, true)), "message rate 0 utility");
	EXPECT_EQ(shown(price_rule("marketing", 20250701, true)), "template_message rate 0 marketing");
}

/* Every category on every day: what has no reason says which rate counts, or why nothing does. */
TEST(PriceRule, EveryCategoryOnEveryDay)
{
	for (const Day day : days)
		for (const bool open : {false, true}) {
			for (const std::string &category : charged) {
				const PriceRule rule = price_rule(category, day, open);
				EXPECT_EQ(rule.reason, nullptr);
				EXPECT_EQ(rule.category, category);
				EXPECT_EQ(rule.basis == PriceBasis::free_window,
				          open && category == "utility" && day >= 20250701 && day < 20261001);
				EXPECT_EQ(rule.free_units, day < 20230601 ? 1000 : 0);
			}
			EXPECT_EQ(price_rule("referral_conversion", day, open).basis,
			          PriceBasis::free_entry_point);
			for (const char *category : {"", "MARKETIN", "marketing ", "utility\n", "free", "none"})
				EXPECT_STREQ(price_rule(category, day, open).reason, "unknown_category");
			EXPECT_STREQ(price_rule("marketing_lite", day, open).reason, "bid");
			EXPECT_STREQ(price_rule("group_utility", day, open).reason, "group");
			EXPECT_STREQ(price_rule("general_purpose_ai", day, open).reason, "surcharge");
		}
}

TEST(PriceRule, NamesAsWebhooksAndTemplatesWriteThem)
{
	for (const char *name : {"authentication-international", "AUTHENTICATION_INTERNATIONAL",
	                         "Authentication-International"})
		EXPECT_EQ(price_rule(name, 20261001, false).category, "authentication_international");
	EXPECT_EQ(price_rule("UTILITY", 20261001, false).category, "utility");
	EXPECT_EQ(price_rule("SERVICE", 20261001, false).free_units, 1000);
}

} // namespace
} // namespace whatsapp
