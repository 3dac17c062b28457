/*
 * account_test.cpp — facts of every account and template field, and odd shapes that give none.
 */
#include "core/webhook/account.hpp"

#include "core/base/json_tree.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

using About = AccountEvent::About;

AccountEvent
event_of(const std::string &field, const std::string &value)
{
	return read_account_event(R"({"field":")" + field + R"(","value":)" + value + "}");
}

TEST(Account, TemplateStatus)
{
	AccountEvent event = event_of(
	    "message_template_status_update",
	    R"({"event":"REINSTATED","message_template_id":12345678901234567,"message_template_name":"n","message_template_language":"en-US","reason":"NONE","message_template_category":"UTILITY","other_info":{"title":"UNPAUSED"}})");
	EXPECT_EQ(event.about, About::message_template);
	EXPECT_EQ(event.message_template.id, "12345678901234567");
	EXPECT_EQ(event.message_template.language, "en_US");
	EXPECT_EQ(event.message_template.status, "APPROVED");
	EXPECT_EQ(event.message_template.category, "UTILITY");
	EXPECT_EQ(event.message_template.title, "UNPAUSED");
	EXPECT_EQ(event_of("message_template_status_update", R"({"event":"PAUSED"})").about,
	          About::nothing);
}

TEST(Account, TemplateComponents)
{
	AccountEvent event = event_of(
	    "message_template_components_update",
	    R"({"message_template_name":"n","message_template_language":"es","message_template_element":"B","message_template_buttons":[{"message_template_button_type":"URL","message_template_button_url":"u"},7]})");
	EXPECT_EQ(
	    whatsapp::json::parse(event.message_template.components),
	    whatsapp::json::parse(
	        R"([{"type":"BODY","text":"B"},{"type":"BUTTONS","buttons":[{"type":"URL","url":"u"},{}]}])"));
	EXPECT_EQ(event.message_template.status, "");
}

TEST(Account, BlockingStatuses)
{
	for (const char *word : {"PENDING", "REJECTED", "PAUSED", "DISABLED", "DELETED"})
		EXPECT_TRUE(template_status_blocks(word)) << word;
	for (const char *word : {"APPROVED", "FLAGGED", "A_NEW_WORD", ""})
		EXPECT_FALSE(template_status_blocks(word)) << word;
}

TEST(Account, Numbers)
{
	AccountEvent event = event_of(
	    "phone_number_quality_update",
	    R"({"display_phone_number":"+1 555-078","event":"THROUGHPUT_UPGRADE","current_limit":"TIER_1K","max_daily_conversations_per_business":2000})");
	EXPECT_EQ(event.about, About::number);
	EXPECT_EQ(event.number.display_number, "1555078");
	EXPECT_TRUE(event.number.throughput_upgrade);
	EXPECT_EQ(event.number.limit, "2000");
	event = event_of(
	    "phone_number_name_update",
	    R"({"display_phone_number":"1","decision":"REJECTED","requested_verified_name":"N","rejection_reason":null})");
	EXPECT_EQ(event.number.name_decision, "REJECTED");
	EXPECT_EQ(event.number.name_reason, "");
}

AccountFacts
restricted(const std::string &list)
{
	return event_of("account_update",
	                R"({"event":"ACCOUNT_RESTRICTION","restriction_info":)" + list + "}")
	    .account;
}

TEST(Account, Restrictions)
{
	EXPECT_EQ(restricted("7").action, AccountAction::none);
	EXPECT_EQ(
	    restricted(R"([{"restriction_type":"RESTRICTED_USER_INITIATED_CALLING","expiration":9}])")
	        .action,
	    AccountAction::none);
	std::string biz =
	    R"({"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":100})";
	std::string customer =
	    R"({"restriction_type":"RESTRICTED_CUSTOMER_INITIATED_MESSAGING","expiration":"200"})";
	std::string endless = R"({"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING"})";
	EXPECT_EQ(restricted("[" + biz + "]").until, 100);
	EXPECT_EQ(restricted("[" + biz + "," + customer + "]").until, 200);
	EXPECT_EQ(restricted("[" + customer + "," + biz + "]").until, 200);
	EXPECT_EQ(restricted("[" + endless + "," + biz + "]").until, 0);
	EXPECT_EQ(restricted("[" + biz + "," + endless + "]").until, 0);
	EXPECT_EQ(restricted("[" + biz + "," + endless + "]").action, AccountAction::pause);
	EXPECT_NE(restricted("[" + endless + "]").hint.find("wa_resume()"), std::string::npos);
	EXPECT_EQ(restricted("[" + biz + "]").hint.find("wa_resume()"), std::string::npos);
}

TEST(Account, StopsAndReturns)
{
	const auto action = [](const std::string &value) {
		return event_of("account_update", value).account.action;
	};
	EXPECT_EQ(action(R"({"event":"ACCOUNT_DELETED"})"), AccountAction::stop);
	EXPECT_EQ(action(R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}})"),
	          AccountAction::stop);
	EXPECT_EQ(
	    action(
	        R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE"}})"),
	    AccountAction::none);
	EXPECT_EQ(action(R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})"),
	          AccountAction::reinstate);
	EXPECT_EQ(action(R"({"event":"PARTNER_ADDED"})"), AccountAction::none);
}

TEST(Account, Preferences)
{
	AccountEvent event = event_of(
	    "user_preferences",
	    R"({"metadata":{"phone_number_id":"9"},"user_preferences":[1,{},{"wa_id":"34","category":"marketing_messages","value":"stop","timestamp":7},{"user_id":"ES.1","category":"marketing_messages","value":"resume"},{"user_id":"ES.2","category":"marketing_messages","value":"signup"},{"category":"marketing_messages","value":"stop"},{"wa_id":"1","category":"x","value":"stop"},{"wa_id":"1","category":"marketing_messages","value":"maybe"}]})");
	ASSERT_EQ(event.preferences.size(), 3U);
	EXPECT_EQ(event.preferences[2].user_id, "ES.2");
	EXPECT_FALSE(event.preferences[2].stop);
	EXPECT_EQ(event.preferences[0].wa_id, "34");
	EXPECT_TRUE(event.preferences[0].stop);
	EXPECT_EQ(event.preferences[0].at, 7);
	EXPECT_EQ(event.preferences[0].phone_number_id, "9");
	EXPECT_FALSE(event.preferences[1].stop);
	EXPECT_EQ(event.preferences[1].at, 0);
}

TEST(Account, OddShapes)
{
	for (const char *field : {"message_template_status_update", "phone_number_quality_update",
	                          "account_update", "user_preferences", "security", "unheard_of"}) {
		for (const char *value : {"null", "7", "[]", "{}", "\"x\"", R"({"event":{}})"})
			EXPECT_EQ(event_of(field, value).about, About::nothing) << field << value;
	}
	for (const char *text : {"", "[]", "{", "7"})
		EXPECT_EQ(read_account_event(text).about, About::nothing);
	EXPECT_TRUE(account_field_known("account_update"));
	EXPECT_FALSE(account_field_known("security"));
}

} // namespace
} // namespace whatsapp
