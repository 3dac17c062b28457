/*
 * webhook_test.cpp — deliveries of the documented shapes, and bodies that try to break the parser.
 *
 * Whatever comes back must be fit for the database: events_of() holds every event of every test to
 * that.
 */
#include "core/webhook/webhook.hpp"

#include "core/webhook/event_key.hpp"

#include <chrono>
#include <set>

#include "core/base/json_tree.hpp"

#include "fault_matcher.hpp"
#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;
using Kind = WebhookEvent::Kind;

std::vector<WebhookEvent>
events_of(const std::string &body)
{
	std::vector<WebhookEvent> events = parse_webhook(body);
	for (const WebhookEvent &event : events) {
		EXPECT_TRUE(jsonb_accepts(event.raw)) << event.raw;
		EXPECT_FALSE(event.dedupe_key.empty());
		EXPECT_LE(event.dedupe_key.size(), 300U);
		EXPECT_GE(event.timestamp, 0);
		for (const std::string *text :
		     {&event.field, &event.account_id, &event.phone_number_id, &event.dedupe_key,
		      &event.wamid, &event.status, &event.callback_data, &event.wa_id, &event.user_id})
			EXPECT_EQ(text->find('\0'), std::string::npos);
		EXPECT_TRUE(event.errors.empty() || json::parse(event.errors).is_array());
	}
	return events;
}

std::string
delivery(const std::string &value, const std::string &field = "messages")
{
	return R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","time":1760000000,"changes":[{"field":")" +
	       field + R"(","value":)" + value + "}]}]}";
}

WebhookEvent
only_event(const std::string &body)
{
	std::vector<WebhookEvent> events = events_of(body);
	EXPECT_EQ(events.size(), 1U) << body;
	return events.empty() ? WebhookEvent() : events.front();
}

const std::string metadata =
    R"("messaging_product":"whatsapp","metadata":{"display_phone_number":"34911222333","phone_number_id":"106540352242922"})";

TEST(Webhook, Status)
{
	WebhookEvent event = only_event(delivery(
	    "{" + metadata +
	    R"(,"statuses":[{"id":"wamid.HBgL","status":"delivered","timestamp":"1760000005","recipient_id":"34600111222","recipient_user_id":"ES.1349","biz_opaque_callback_data":"n.918273","conversation":{"id":"c1","origin":{"type":"utility"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}}]})"));
	EXPECT_EQ(event.kind, Kind::status);
	EXPECT_EQ(event.field, "messages");
	EXPECT_EQ(event.account_id, "102290129340398");
	EXPECT_EQ(event.phone_number_id, "106540352242922");
	EXPECT_EQ(event.dedupe_key, "s:wamid.HBgL:delivered:1760000005");
	EXPECT_EQ(event.timestamp, 1760000005);
	EXPECT_EQ(event.wamid, "wamid.HBgL");
	EXPECT_EQ(event.status, "delivered");
	EXPECT_EQ(event.callback_data, "n.918273");
	EXPECT_EQ(event.wa_id, "34600111222");
	EXPECT_EQ(event.user_id, "ES.1349");
	EXPECT_EQ(event.conversation_id, "c1");
	EXPECT_EQ(event.pricing_category, "utility");
	EXPECT_EQ(event.pricing_type, "regular");
	EXPECT_EQ(event.pricing_model, "PMP");
	EXPECT_EQ(event.errors, "");
	EXPECT_EQ(json::parse(event.raw)["id"], "wamid.HBgL");
}

TEST(Webhook, PricesOfEveryGeneration)
{
	WebhookEvent event = only_event(delivery(
	    R"({"statuses":[{"id":"w","status":"sent","conversation":{"id":"c","expiration_timestamp":"1","origin":{"type":"business_initiated"}}}]})"));
	EXPECT_EQ(event.pricing_category, "business_initiated");
	EXPECT_EQ(event.pricing_type, "");
	EXPECT_EQ(event.billable, -1);
	event = only_event(delivery(
	    R"({"statuses":[{"id":"w","status":"sent","conversation":{"id":"c","origin":{"type":"utility"}},"pricing":{"billable":false,"pricing_model":"CBP","category":"service"}}]})"));
	EXPECT_EQ(event.pricing_category, "service");
	EXPECT_EQ(event.pricing_model, "CBP");
	EXPECT_EQ(event.billable, 0);
	event = only_event(delivery(
	    R"({"statuses":[{"id":"w","status":"sent","pricing":{"billable":"yes","type":"free_entry_point","category":"authentication-international"}}]})"));
	EXPECT_EQ(event.pricing_type, "free_entry_point");
	EXPECT_EQ(event.billable, -1);
	EXPECT_EQ(event.pricing_cost, "");
}

/* Of marketing messages with a maximum price. */
TEST(Webhook, CostAsMetaTellsIt)
{
	const auto cost_of = [](const std::string &cost) {
		const WebhookEvent event = only_event(delivery(
		    R"({"statuses":[{"id":"w","status":"delivered","pricing":{"billable":true,)"
		    R"("pricing_model":"PMP","category":"marketing_lite","type":"regular","cost":)" +
		    cost + "}}]}"));
		EXPECT_EQ(event.pricing_category, "marketing_lite");
		EXPECT_EQ(event.is_plain, !event.pricing_cost.empty()) << cost;
		return event.pricing_cost + event.pricing_currency;
	};
	EXPECT_EQ(cost_of(R"({"amount":0.035,"currency":"USD"})"), "0.03500000USD");
	EXPECT_EQ(cost_of(R"({"currency":"INR","amount":87})"), "87.00000000INR");
	EXPECT_EQ(cost_of(R"({"amount":"3.5e-2","currency":"EUR"})"), "0.03500000EUR");
	EXPECT_EQ(cost_of(R"({"amount":0,"currency":"EUR"})"), "0.00000000EUR");
	for (const char *none :
	     {"null", "0.035", "[]", "{}", R"({"amount":0.035})", R"({"currency":"USD"})",
	      R"({"amount":-1,"currency":"USD"})", R"({"amount":true,"currency":"USD"})",
	      R"({"amount":{"value":1},"currency":"USD"})", R"({"amount":0.035,"currency":"usd"})",
	      R"({"amount":0.035,"currency":840})", R"({"amount":1e9,"currency":"USD"})"})
		EXPECT_EQ(cost_of(none), "") << none;
}

TEST(Webhook, ContactsCompleteAndAreNeverGuessed)
{
	const std::string contacts =
	    R"("contacts":[{"profile":{"name":"A"},"wa_id":"34","user_id":"ES.1"},{"profile":{"name":"B"},"user_id":"ES.2"}])";
	const std::vector<WebhookEvent> events = events_of(delivery(
	    "{" + contacts +
	    R"(,"messages":[{"id":"a","from":"34"},{"id":"b","from_user_id":"ES.2"},{"id":"c","from":"35"},{"id":"d"}],"statuses":[{"id":"e","status":"read","recipient_user_id":"ES.1"},{"id":"f","status":"sent","recipient_id":"34"}]})"));
	ASSERT_EQ(events.size(), 6U);
	EXPECT_EQ(events[0].user_id, "ES.1");
	EXPECT_EQ(json::parse(events[0].contact)["profile"]["name"], "A");
	EXPECT_EQ(json::parse(events[1].contact)["profile"]["name"], "B");
	EXPECT_EQ(events[2].contact, "");
	EXPECT_EQ(events[3].contact, "");
	EXPECT_EQ(events[4].wa_id, "34");
	EXPECT_EQ(events[5].user_id, "ES.1");
	const std::string one = R"("contacts":[{"profile":{"name":"A"},"user_id":"ES.1"}])";
	EXPECT_EQ(only_event(delivery("{" + one + R"(,"messages":[{"id":"a"}]})")).user_id, "ES.1");
	EXPECT_EQ(only_event(delivery("{" + one + R"(,"messages":[{"id":"a","from":"35"}]})")).user_id,
	          "");
}

TEST(Webhook, AStoredStatusReadsTheSame)
{
	WebhookEvent event = only_event(delivery(
	    R"({"statuses":[{"id":"w","status":"failed","timestamp":"5","recipient_id":"34","errors":[{"code":131026}],"pricing":{"category":"utility"}}]})"));
	WebhookEvent again = parse_status(event.raw, event.contact);
	EXPECT_EQ(again.kind, Kind::status);
	EXPECT_EQ(again.wamid, "w");
	EXPECT_EQ(again.timestamp, 5);
	EXPECT_EQ(again.errors, event.errors);
	EXPECT_EQ(again.pricing_category, "utility");
	EXPECT_EQ(again.dedupe_key, event.dedupe_key);
	for (const char *odd : {"", "{}", "[]", "{", R"({"id":"w"})"})
		EXPECT_EQ(parse_status(odd, odd).kind, Kind::malformed);
}

TEST(Webhook, AStoredStatusKeepsWhatContactsTold)
{
	const std::string contacts =
	    R"("contacts":[{"profile":{"name":"A"},"wa_id":"34","user_id":"ES.1"}])";
	WebhookEvent event = only_event(delivery(
	    "{" + contacts + R"(,"statuses":[{"id":"w","status":"read","recipient_id":"34"}]})"));
	EXPECT_EQ(parse_status(event.raw, event.contact).user_id, "ES.1");
	/* and what the status tells by itself is not kept twice */
	event = only_event(delivery(
	    "{" + contacts +
	    R"(,"statuses":[{"id":"w","status":"read","recipient_id":"34","recipient_user_id":"ES.1"}]})"));
	EXPECT_EQ(event.contact, "");
}

TEST(Webhook, FailedStatusKeepsItsErrors)
{
	WebhookEvent event = only_event(delivery(
	    R"({"statuses":[{"id":"w","status":"failed","timestamp":1760000005,"errors":[{"code":131026,"title":"t"}]}]})"));
	EXPECT_EQ(event.errors, R"([{"code":131026,"title":"t"}])");
	EXPECT_EQ(event.timestamp, 1760000005);
	EXPECT_EQ(event.wa_id, "");
	event =
	    only_event(delivery(R"({"statuses":[{"id":"w","status":"failed","errors":{"code":1}}]})"));
	EXPECT_EQ(event.errors, R"([{"code":1}])");
}

TEST(Webhook, StatusKeys)
{
	EXPECT_EQ(
	    only_event(
	        delivery(
	            R"({"statuses":[{"id":"w","status":"read","recipient_participant_id":"34600"}]})"))
	        .dedupe_key,
	    "s:w:read::34600");
	EXPECT_EQ(only_event(delivery(R"({"statuses":[{"id":"w","status":"warning"}]})")).status,
	          "warning");
	std::string long_id(5000, 'w');
	WebhookEvent event =
	    only_event(delivery(R"({"statuses":[{"id":")" + long_id + R"(","status":"sent"}]})"));
	EXPECT_EQ(event.wamid, long_id);
	EXPECT_EQ(event.dedupe_key.size(), 66U);
	WebhookEvent other =
	    only_event(delivery(R"({"statuses":[{"id":")" + long_id + R"(","status":"read"}]})"));
	EXPECT_NE(event.dedupe_key, other.dedupe_key);
}

bool
is_plain(const std::string &status)
{
	return only_event(delivery("{" + metadata + R"(,"statuses":[)" + status + "]}")).is_plain;
}

TEST(Webhook, PlainStatuses)
{
	const json whole = json::parse(
	    R"({"id":"w","status":"delivered","timestamp":"1760000005","recipient_id":"34600111222","recipient_user_id":"ES.1349","biz_opaque_callback_data":"n.1.2","conversation":{"id":"c1","expiration_timestamp":"1760086400","origin":{"type":"utility"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}})");
	EXPECT_TRUE(is_plain(whole.dump()));
	EXPECT_TRUE(is_plain(R"({"id":"w","status":"sent","timestamp":"1"})"));
	EXPECT_TRUE(is_plain(R"({"id":"w","status":"played"})"));
	EXPECT_TRUE(
	    is_plain(R"({"id":"w","status":"read","pricing":{"cost":{"amount":1,"currency":"EUR"}}})"));
	EXPECT_FALSE(is_plain(R"({"id":"w","status":"failed","timestamp":"1"})"));
	EXPECT_FALSE(is_plain(R"({"id":"w","status":"warning","timestamp":"1"})"));
	for (const char *change :
	     {R"({"errors":[{"code":1}]})", R"({"recipient_participant_id":"34600"})", R"({"new":1})",
	      R"({"pricing":{"cost":{"amount":1,"currency":"EUR","bid":2}}})",
	      R"({"pricing":{"cost":{"amount":"much","currency":"EUR"}}})", R"({"pricing":{"cost":1}})",
	      R"({"pricing":{"billable":"yes"}})", R"({"pricing":[1]})",
	      R"({"conversation":{"new":1}})", R"({"conversation":"c1"})",
	      R"({"conversation":{"origin":{"new":1}}})"}) {
		json other = whole;
		other.merge_patch(json::parse(change));
		EXPECT_FALSE(is_plain(other.dump())) << change;
	}
}

WebhookEvent
status_at(std::int64_t timestamp, const char *key)
{
	WebhookEvent event;
	event.kind = Kind::status;
	event.timestamp = timestamp;
	event.dedupe_key = key;
	return event;
}

TEST(Webhook, KeysOfStatusesGrowWithTheirTime)
{
	const Fingerprint key = make_event_key(status_at(1760000005, "s:a"));
	EXPECT_EQ(key, make_event_key(status_at(1760000005, "s:a")));
	EXPECT_NE(key, make_event_key(status_at(1760000005, "s:b")));
	for (const char *other : {"s:a", "s:b", "s:c", "s:d", "s:e", "s:f"}) {
		EXPECT_LT(key, make_event_key(status_at(1760000005 + 64, other)));
		EXPECT_LT(key, make_event_key(status_at(1760000005 + 86400 * 365, other)));
		EXPECT_GT(key, make_event_key(status_at(1760000005 - 64, other)));
	}
	WebhookEvent message = status_at(1760000005, "m:a");
	message.kind = Kind::message;
	const Fingerprint first = make_event_key(message);
	message.timestamp = 1; /* no part of what it is known by */
	EXPECT_EQ(first, make_event_key(message));
}

TEST(Webhook, Message)
{
	WebhookEvent event = only_event(delivery(
	    "{" + metadata +
	    R"(,"contacts":[{"profile":{"name":"Ana"},"wa_id":"34600111222"}],"messages":[{"from":"34600111222","from_user_id":"ES.1","id":"wamid.in","timestamp":"1760000001","type":"text","text":{"body":"ma\u00f1ana \u0000 \\u0000"}}]})"));
	EXPECT_EQ(event.kind, Kind::message);
	EXPECT_EQ(event.dedupe_key, "m:wamid.in");
	EXPECT_EQ(event.wamid, "wamid.in");
	EXPECT_EQ(event.wa_id, "34600111222");
	EXPECT_EQ(event.user_id, "ES.1");
	EXPECT_EQ(event.status, "");
	EXPECT_EQ(json::parse(event.raw)["text"]["body"], "ma\xC3\xB1"
	                                                  "ana \xEF\xBF\xBD \\u0000");
	EXPECT_EQ(only_event(delivery(R"({"messages":[{"id":12345678901234567,"type":"x"}]})")).wamid,
	          "12345678901234567");
}

TEST(Webhook, AccountLevelErrors)
{
	std::string body = delivery("{" + metadata + R"(,"errors":[{"code":131045,"title":"t"}]})");
	WebhookEvent event = only_event(body);
	EXPECT_EQ(event.kind, Kind::error);
	EXPECT_EQ(event.errors, R"([{"code":131045,"title":"t"}])");
	EXPECT_EQ(event.dedupe_key.substr(0, 2), "e:");
	EXPECT_EQ(event.dedupe_key, only_event(body).dedupe_key);
}

TEST(Webhook, AccountFields)
{
	std::string value =
	    R"({"event":"APPROVED","message_template_id":1234567890123456789,"message_template_language":"es"})";
	WebhookEvent event = only_event(delivery(value, "message_template_status_update"));
	EXPECT_EQ(event.kind, Kind::account);
	EXPECT_EQ(event.field, "message_template_status_update");
	EXPECT_EQ(event.timestamp, 1760000000);
	EXPECT_EQ(event.dedupe_key.size(), 66U);
	json raw = json::parse(event.raw);
	EXPECT_EQ(raw["entry_id"], "102290129340398");
	EXPECT_EQ(raw["value"]["message_template_id"].dump(), "1234567890123456789");

	std::string reordered =
	    R"({ "message_template_language":"es", "message_template_id":1234567890123456789,"event":"APPROVED"})";
	EXPECT_EQ(only_event(delivery(reordered, "message_template_status_update")).dedupe_key,
	          event.dedupe_key);
	EXPECT_NE(only_event(delivery(value, "template_category_update")).dedupe_key, event.dedupe_key);
	for (const char *odd : {"null", "[]", "7", "\"x\""})
		EXPECT_EQ(only_event(delivery(odd, "account_update")).kind, Kind::account);
	EXPECT_EQ(only_event(R"({"entry":[{"changes":[{"field":"account_update"}]}]})").kind,
	          Kind::account);
}

TEST(Webhook, EverythingOfADelivery)
{
	std::vector<WebhookEvent> events = events_of(
	    R"({"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"id":"a"},{"id":"b"}],"statuses":[{"id":"c","status":"sent"}],"errors":[{"code":1}]}},{"field":"security","value":{}}]},{"id":"2","changes":[{"field":"messages","value":{"statuses":[{"id":"d","status":"read"}]}}]}]})");
	ASSERT_EQ(events.size(), 6U);
	EXPECT_EQ(events[5].account_id, "2");
	std::set<std::string> keys;
	for (const WebhookEvent &event : events)
		keys.insert(event.dedupe_key);
	EXPECT_EQ(keys.size(), 6U);
}

TEST(Webhook, OneBadItemLosesNoOther)
{
	std::vector<WebhookEvent> events = events_of(
	    R"({"entry":[null,7,{"id":"1"},{"id":"1","changes":{}},{"id":"1","changes":[null,{"value":{}},{"field":7},{"field":"messages"},{"field":"messages","value":[]},{"field":"messages","value":{"messages":{},"statuses":[null,[],"x",{},{"id":"w"},{"status":"sent"},{"id":{},"status":"sent"},{"id":1.5,"status":"sent"},{"id":"good","status":"sent","timestamp":{},"conversation":[],"pricing":7,"errors":null}]}}]}]})");
	std::size_t good = 0;
	for (const WebhookEvent &event : events) {
		good += event.kind == Kind::status ? 1 : 0;
		EXPECT_TRUE(event.kind == Kind::status || event.kind == Kind::malformed);
	}
	EXPECT_EQ(good, 1U);
	EXPECT_EQ(events.size(), 19U);
	EXPECT_EQ(events.back().wamid, "good");
}

TEST(Webhook, EmptyAndForeignObjects)
{
	EXPECT_EQ(events_of(R"({"object":"whatsapp_business_account","entry":[]})").size(), 0U);
	EXPECT_EQ(events_of(delivery(R"({"messages":[],"statuses":[]})")).size(), 0U);
	for (const char *body :
	     {"{}", R"({"object":"page"})", R"({"entry":null})", R"({"entry":{}})"}) {
		WebhookEvent event = only_event(body);
		EXPECT_EQ(event.kind, Kind::malformed);
		EXPECT_EQ(json::parse(event.raw), json::parse(body));
	}
	EXPECT_EQ(only_event(delivery(R"({"message_echoes":[]})")).kind, Kind::malformed);
}

TEST(Webhook, Timestamps)
{
	for (const char *time :
	     {"\"\"", "\"x\"", "-1", "\"-1\"", "1.5", "1e10", "\"1760000000x\"", "\" 1\"",
	      "99999999999999999999", "9223372036854775807", "18446744073709551615", "null", "[]"})
		EXPECT_EQ(only_event(delivery(R"({"messages":[{"id":"a","timestamp":)" + std::string(time) +
		                              "}]}"))
		              .timestamp,
		          0)
		    << time;
}

TEST(Webhook, RefusedBodies)
{
	std::string deep_ok =
	    delivery(R"({"a":)" + std::string(24, '[') + std::string(24, ']') + "}", "x");
	EXPECT_NO_THROW(parse_webhook(deep_ok));
	std::string wide = "{\"a\":[0";
	for (int i = 0; i < 50000; i++)
		wide += ",0";
	wide += "]}";
	std::string keys = "{";
	for (int i = 0; i < 50000; i++)
		keys += "\"a\":0,";
	keys += "\"a\":0}";
	for (const std::string &body :
	     {std::string(), std::string("null"), std::string("[]"), std::string("7"),
	      std::string("\"x\""), std::string("{"), std::string("{}x"), std::string("{}{}"),
	      std::string("{'a':1}"), std::string("{\"a\":NaN}"), std::string("{\"a\":01}"),
	      std::string("/**/{}"), std::string(3000000, '['), std::string(3000000, '{'), wide,
	      keys}) {
		Fault fault = fault_of([&] { parse_webhook(body); });
		EXPECT_STREQ(fault.sqlstate(), "22032");
		EXPECT_FALSE(fault.detail().empty());
	}
}

TEST(Webhook, LimitsAreInclusive)
{
	EXPECT_NO_THROW(parse_webhook("{\"" + std::string(256, 'k') + "\":0}"));
	EXPECT_NO_THROW(parse_webhook("{\"a\":\"" + std::string(65536, 't') + "\"}"));
	EXPECT_NO_THROW(parse_webhook("{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}"));
}

/* One contact's name, one number or one byte must not take the news of others with it. */
TEST(Webhook, BadCharactersAndNumbersLoseNothing)
{
	for (const std::string &bad :
	     {std::string(R"("Ana \ud83d")"), std::string(R"("Ana \udc00\ud83d x")"),
	      std::string("1e200000"), std::string("-1e400"), std::string("\"Jos\xE9\""),
	      std::string("\"\xED\xA0\x80\""), std::string("\"\xF0\x9F\x98\""), std::string("\"a\nb\""),
	      std::string("\"a\0b\"", 5), std::string("\"\x01\"")}) {
		const std::vector<WebhookEvent> events = events_of(
		    R"({"entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"a","status":"read"}]}}]},{"id":"2","changes":[{"field":"messages","value":{"contacts":[{"wa_id":"34","profile":{"name":)" +
		    bad +
		    R"(}}],"messages":[{"id":"b","from":"34","type":"text","text":{"body":"STOP"},"x":)" +
		    bad + R"(}]}}]},{"id":"3","changes":[{"field":"account_update","value":{"x":)" + bad +
		    R"(,"event":"ACCOUNT_DELETED"}}]}]})");
		ASSERT_EQ(events.size(), 3U) << bad;
		EXPECT_EQ(events[0].kind, Kind::status) << bad;
		EXPECT_EQ(events[1].kind, Kind::message) << bad;
		EXPECT_EQ(json::parse(events[1].raw)["text"]["body"], "STOP");
		EXPECT_EQ(events[2].kind, Kind::account) << bad;
		EXPECT_EQ(json::parse(events[2].raw)["value"]["event"], "ACCOUNT_DELETED");
		EXPECT_FALSE(read_webhook(R"({"entry":[],"a":)" + bad + "}").is_cut);
	}
	EXPECT_EQ(
	    json::parse(only_event(delivery(R"({"messages":[{"id":"a","text":{"body":"A \ud83d"}}]})"))
	                    .raw)["text"]["body"],
	    "A \xEF\xBF\xBD");
}

/* What is beyond the limits is left out, the rest counts, and the caller knows. */
TEST(Webhook, WhatIsTooLongOrTooDeepLosesNothingElse)
{
	const std::string deep = std::string(40, '[') + std::string(40, ']');
	const std::string text = "\"" + std::string(65537, 't') + "\"";
	const std::string key = "{\"" + std::string(257, 'k') + "\":0}";
	for (const std::string &bad : {deep, text, key}) {
		const WebhookDelivery read =
		    read_webhook(delivery(R"({"messages":[{"id":"a","from":"34","x":)" + bad +
		                          R"(}],"statuses":[{"id":"b","status":"read"}]})"));
		EXPECT_TRUE(read.is_cut);
		ASSERT_EQ(read.events.size(), 2U);
		EXPECT_EQ(read.events[0].kind, Kind::message);
		EXPECT_EQ(read.events[0].wa_id, "34");
		EXPECT_EQ(read.events[1].kind, Kind::status);
		for (const WebhookEvent &event : read.events)
			EXPECT_TRUE(jsonb_accepts(event.raw));
	}
	EXPECT_FALSE(read_webhook(delivery(R"({"statuses":[]})")).is_cut);
}

/* The button of the app's dashboard: everybody presses it first. */
TEST(Webhook, TestsOfTheDashboardAreKnown)
{
	const std::string change =
	    R"({"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"16505551111","phone_number_id":"123456123"},"messages":[{"from":"16315551181","id":"ABGGFlA5Fpa","timestamp":"1504902988","type":"text","text":{"body":"this is a text message"}}]}})";
	for (const std::string &body : {change, "[" + change + "]"}) {
		const WebhookEvent event = only_event(body);
		EXPECT_EQ(event.kind, Kind::test);
		EXPECT_EQ(event.field, "messages");
		EXPECT_EQ(event.phone_number_id, "123456123");
		EXPECT_EQ(json::parse(event.raw), json::parse(change));
	}
	EXPECT_EQ(only_event(R"({"field":"account_update","value":{}})").kind, Kind::test);
	for (const char *odd : {R"({"field":"messages"})", R"({"field":7,"value":{}})",
	                        R"({"value":{}})", "[7]", R"([{"object":"page"}])"})
		EXPECT_EQ(only_event(odd).kind, Kind::malformed) << odd;
	EXPECT_EQ(events_of("[" + delivery(R"({"statuses":[{"id":"a","status":"read"}]})") + "," +
	                    delivery(R"({"statuses":[{"id":"b","status":"read"}]})") + "]")
	              .size(),
	          2U);
}

std::size_t
bytes_of(const std::vector<WebhookEvent> &events)
{
	std::size_t bytes = 0;
	for (const WebhookEvent &event : events)
		bytes += event.account_id.size() + event.phone_number_id.size() + event.raw.size() +
		         event.contact.size() + event.user_id.size() + event.wa_id.size() +
		         event.dedupe_key.size() + event.errors.size() + event.field.size();
	return bytes;
}

std::string
repeated(const std::string &item, std::size_t count)
{
	std::string list = item;
	for (std::size_t i = 1; i < count; i++)
		list += "," + item;
	return list;
}

TEST(Webhook, SharedContactsDoNotMultiply)
{
	const std::string name(60000, 'n');
	const std::string contact = R"({"wa_id":"34","user_id":"ES.1","profile":{"name":")" + name +
	                            R"(","username":"@a"},"vcard":")" + name + R"("})";
	std::vector<WebhookEvent> events =
	    events_of(delivery(R"({"contacts":[)" + contact + R"(],"messages":[)" +
	                       repeated(R"({"id":"m","from":"34"})", 5000) + "]}"));
	ASSERT_EQ(events.size(), 5000U);
	EXPECT_LT(bytes_of(events), 5000000U);
	const json kept = json::parse(events[0].contact);
	EXPECT_EQ(kept["wa_id"], "34");
	EXPECT_EQ(kept["user_id"], "ES.1");
	EXPECT_EQ(kept["profile"]["username"], "@a");
	EXPECT_EQ(kept["profile"]["name"].get<std::string>().size(), 256U);
	/* an id that is none, and that only the contact tells */
	events = events_of(delivery(R"({"contacts":[{"user_id":")" + name + R"("}],"messages":[)" +
	                            repeated(R"({"id":"m"})", 5000) + "]}"));
	EXPECT_LT(bytes_of(events), 5000000U);
	EXPECT_EQ(events[0].user_id, "");
}

TEST(Webhook, SharedTimesDoNotMultiply)
{
	for (const std::string &time :
	     {"[" + repeated("0", 20000) + "]", "\"" + std::string(60000, '1') + "\""}) {
		const std::vector<WebhookEvent> events =
		    events_of(R"({"entry":[{"id":"1","time":)" + time + R"(,"changes":[)" +
		              repeated(R"({"field":"x","value":{}})", 2000) + "]}]}");
		ASSERT_EQ(events.size(), 2000U);
		EXPECT_LT(bytes_of(events), 2000000U);
	}
	/* and it is a part of the identity all the same */
	const auto key = [](const std::string &time) {
		return only_event(R"({"entry":[{"id":"1","time":)" + time +
		                  R"(,"changes":[{"field":"x","value":{}}]}]})")
		    .dedupe_key;
	};
	EXPECT_NE(key("\"" + std::string(99, '1') + "\""), key("\"" + std::string(99, '2') + "\""));
	EXPECT_NE(key("1"), key("2"));
}

/* Each of these took seconds, or would have: an item must not pay for what belongs to all. */
TEST(Webhook, TimeGrowsWithTheBytesAlone)
{
	std::string members;
	for (int i = 0; i < 20000; i++)
		members += "\"k" + std::to_string(i) + "\":0,";
	const auto start = std::chrono::steady_clock::now();
	EXPECT_EQ(events_of(R"({"entry":[{)" + members + R"("changes":[)" +
	                    repeated(R"({"field":"x"})", 10000) + "]}]}")
	              .size(),
	          10000U);
	EXPECT_EQ(events_of(delivery(R"({"contacts":[{)" + members + R"("wa_id":"34"}],"messages":[)" +
	                             repeated(R"({"id":"a","from":"34"})", 9000) + "]}"))
	              .size(),
	          9000U);
	EXPECT_EQ(events_of(delivery(R"({"contacts":[{)" + members + R"("x":0}],"messages":[)" +
	                             repeated(R"({"id":"a"})", 10000) + "]}"))
	              .size(),
	          10000U);
	/* the sanitizers' share included; a product of the two counts would take minutes */
	EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Webhook, SharedNamesDoNotMultiply)
{
	std::string body =
	    R"({"entry":[{"id":")" + std::string(60000, 'i') +
	    R"(","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":")" +
	    std::string(60000, 'p') + R"("},"messages":[0)";
	for (int i = 0; i < 20000; i++)
		body += ",0";
	body += "]}}]}]}";
	std::size_t bytes = 0;
	for (const WebhookEvent &event : parse_webhook(body))
		bytes += event.account_id.size() + event.phone_number_id.size() + event.raw.size();
	EXPECT_LT(bytes, 12000000U);
}

} // namespace
} // namespace whatsapp
