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

} // namespace
