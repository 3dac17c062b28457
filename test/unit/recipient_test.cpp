/* Phone numbers and business-scoped user ids. */
#include <gtest/gtest.h>

#include <string>

#include "core/message/message.hpp"
#include "core/value/recipient.hpp"

using namespace whatsapp;

namespace
{

TEST(Recipient, NumbersAndUserIds)
{
	for (const char *good : {"+34612345678", "ES.13491208655302741918", "ES.ENT.ab12", "US.A"})
		EXPECT_TRUE(valid_recipient(good)) << good;
	EXPECT_TRUE(valid_recipient("ES." + std::string(128, '9')));
	EXPECT_FALSE(valid_recipient("ES." + std::string(129, '9')));
	for (const char *bad : {"", "34612345678", "es.1349", "ES.", "ES.ENT.", "ES.13 49", "ES.13-49",
	                        "ESP.1", "E.1349", "ES.ñ", "34.612345"})
		EXPECT_FALSE(valid_recipient(bad)) << bad;
}

TEST(Recipient, EachHasItsMemberInTheRequest)
{
	EXPECT_EQ(
	    request_body("+34612345678", "", "{}"),
	    R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+34612345678"})");
	EXPECT_EQ(
	    request_body("ES.1349", "", "{}"),
	    R"({"messaging_product":"whatsapp","recipient_type":"individual","recipient":"ES.1349"})");
}

TEST(Recipient, ListsOfThem)
{
	for (const char *all : {"", "  "})
		EXPECT_TRUE(list_has_recipient(all, "+34612345678"));
	const char *list = "+34600111222, +3461*,, ES.*";
	for (const char *in : {"+34600111222", "+34612345678", "ES.1349"})
		EXPECT_TRUE(list_has_recipient(list, in)) << in;
	for (const char *out : {"+346001112223", "+34600111", "+34622345678", "US.1349", ""})
		EXPECT_FALSE(list_has_recipient(list, out)) << out;
	EXPECT_TRUE(list_has_recipient("*", "+34612345678"));
	EXPECT_FALSE(list_has_recipient("x", "+34612345678"));
}

TEST(Recipient, IsNamedInErrors)
{
	EXPECT_EQ(name_message("+34 612 34 56 78", "PO-7"), "The message is for +34\xE2\x80\xA6"
	                                                    "678, with reference \"PO-7\".");
	EXPECT_EQ(name_message("612345678", nullptr), "The message is for \xE2\x80\xA6"
	                                              "678.");
	EXPECT_EQ(name_message(nullptr, "PO-7"), "The message has reference \"PO-7\".");
	EXPECT_EQ(name_message("x", ""), "");
	EXPECT_EQ(name_message(nullptr, nullptr), "");
}

} // namespace
