/*
 * inbound_test.cpp — what each type of message gives for its columns, and what hostile ones do not.
 */
#include "core/webhook/inbound.hpp"

#include "core/base/json_tree.hpp"

#include <gtest/gtest.h>

#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

json
columns(const std::string &message, const std::string &contact = {})
{
	std::string text = inbound_columns(message, contact);
	EXPECT_TRUE(jsonb_accepts(text)) << text;
	return json::parse(text);
}

TEST(Inbound, Text)
{
	json row = columns(
	    R"({"from":"34600111222","from_user_id":"ES.1","type":"text","text":{"body":"hi"},"context":{"id":"w","from":"1","forwarded":true}})",
	    R"({"profile":{"name":"Ana","username":"@ana"},"wa_id":"999","user_id":"ES.2"})");
	EXPECT_EQ(
	    row,
	    json::parse(
	        R"({"message_type":"text","from_wa_id":"34600111222","from_user_id":"ES.1","opens_window":true,
	    "text":"hi","context_wamid":"w","context_from":"1","forwarded":true,"profile_name":"Ana","username":"@ana"})"));
}

TEST(Inbound, TheContactFillsWhatIsMissing)
{
	json row = columns(R"({"type":"text","text":{"body":"hi"}})",
	                   R"({"wa_id":"34600111222","user_id":"ES.2"})");
	EXPECT_EQ(row["from_wa_id"], "34600111222");
	EXPECT_EQ(row["from_user_id"], "ES.2");
}

TEST(Inbound, Media)
{
	for (const char *type : {"image", "video", "audio", "document", "sticker"}) {
		json row = columns(
		    R"({"type":")" + std::string(type) + R"(",")" + type +
		    R"(":{"id":1234567890123456789,"mime_type":"m","sha256":"s","caption":"c","filename":"f","voice":true}})");
		EXPECT_EQ(row["media_id"], "1234567890123456789") << type;
		EXPECT_EQ(row["mime_type"], "m");
		EXPECT_EQ(row["sha256"], "s");
		EXPECT_EQ(row["caption"], "c");
		EXPECT_EQ(row["filename"], "f");
		EXPECT_EQ(row["voice"], true);
	}
}

TEST(Inbound, Edits)
{
	json row = columns(
	    R"({"type":"edit","edit":{"original_message_id":"w","message":{"type":"text","text":{"body":"b"}}}})");
	EXPECT_EQ(row["target_wamid"], "w");
	EXPECT_EQ(row["text"], "b");
	for (const char *type : {"image", "video", "audio", "document", "sticker"}) {
		row = columns(R"({"type":"edit","edit":{"original_message_id":"w","message":{"type":")" +
		              std::string(type) + R"(",")" + type +
		              R"(":{"id":"1","mime_type":"m","caption":"c"}}}})");
		EXPECT_EQ(row["message_type"], "edit");
		EXPECT_EQ(row["media_id"], "1") << type;
		EXPECT_EQ(row["mime_type"], "m");
		EXPECT_EQ(row["caption"], "c");
	}
}

TEST(Inbound, Places)
{
	json row = columns(R"({"type":"location","location":{"latitude":90,"longitude":-180.0}})");
	EXPECT_EQ(row["latitude"], 90.0);
	EXPECT_EQ(row["longitude"], -180.0);
	for (const char *odd : {"90.1", "-91", "1e300", "\"1\"", "null", "[]", "true"})
		EXPECT_FALSE(
		    columns(R"({"type":"location","location":{"latitude":)" + std::string(odd) + "}}")
		        .contains("latitude"))
		    << odd;
}

TEST(Inbound, OddShapesLeaveColumnsOut)
{
	for (const char *type : {"text", "image", "location", "contacts", "reaction", "button", "order",
	                         "interactive", "system", "edit", "revoke"})
		for (const char *content : {"null", "[]", "7", "\"x\"", "{}", "[{}]", "{\"id\":{}}"}) {
			json row =
			    columns(R"({"type":")" + std::string(type) + R"(",")" + type + "\":" + content +
			            R"(,"context":)" + content + R"(,"referral":null,"errors":null})");
			EXPECT_EQ(row["message_type"], type);
			EXPECT_FALSE(row.contains("text"));
			EXPECT_FALSE(row.contains("referral"));
		}
	for (const char *odd : {"", "[]", "7", "{", "null"})
		EXPECT_EQ(inbound_columns(odd, ""), "{}") << odd;
	EXPECT_EQ(columns(R"({"type":"text"})", "not json")["message_type"], "text");
}

TEST(Inbound, WhatOpensTheWindow)
{
	for (const char *type : {"text", "image", "reaction", "button", "unsupported", "brand_new"})
		EXPECT_EQ(columns(R"({"type":")" + std::string(type) + "\"}")["opens_window"], true)
		    << type;
	for (const char *type : {"system", "edit", "revoke", "request_welcome"})
		EXPECT_EQ(columns(R"({"type":")" + std::string(type) + "\"}")["opens_window"], false)
		    << type;
	EXPECT_EQ(columns(R"({"type":"text","group_id":"G"})")["opens_window"], false);
}

TEST(Inbound, ContactKeys)
{
	EXPECT_EQ(contact_key("+34612345678"), "34612345678");
	EXPECT_EQ(contact_key("+5511987654321"), contact_key("551187654321"));
	EXPECT_EQ(contact_key("+5215512345678"), contact_key("525512345678"));
	EXPECT_EQ(contact_key("5491123456789"), contact_key("+541123456789"));
	EXPECT_EQ(contact_key("5511887654321"), "5511887654321");
	EXPECT_EQ(contact_key("ES.1349"), "ES.1349");
	EXPECT_EQ(contact_key(""), "");
	EXPECT_EQ(contact_key("+"), "+");
}

} // namespace
} // namespace whatsapp
