/*
 * acceptance_test.cpp — the short way to an accepted message reads what the long way reads, or
 * nothing.
 */
#include "core/answer/acceptance.hpp"
#include "core/answer/outcome.hpp"

#include <string>

#include <gtest/gtest.h>

namespace
{

using whatsapp::Acceptance;
using whatsapp::read_acceptance;

TEST(Acceptance, ReadsTheCommonShape)
{
	Acceptance found;
	ASSERT_TRUE(read_acceptance(
	    R"({"messaging_product":"whatsapp","contacts":[{"input":"+34600111222","wa_id":"34600111222","user_id":"ES.1"}],)"
	    R"("messages":[{"id":"wamid.HBgL","message_status":"accepted","group_id":"g"}]})",
	    found));
	EXPECT_EQ(found.wamid, "wamid.HBgL");
	EXPECT_EQ(found.message_status, "accepted");
	EXPECT_EQ(found.wa_id, "34600111222");
	EXPECT_EQ(found.user_id, "ES.1");
}

TEST(Acceptance, OnlyTheFirstElementAndOnlyItsOwnMembersCount)
{
	Acceptance found;
	ASSERT_TRUE(read_acceptance(
	    R"({"id":"no","x":{"messages":[{"id":"no"}]},"messages":[{"meta":{"id":"no"},"list":[{"id":"no"}],"id":"yes"},{"id":"no"}],)"
	    R"("contacts":[{"profile":{"wa_id":"no"}},{"wa_id":"no"}]})",
	    found));
	EXPECT_EQ(found.wamid, "yes");
	EXPECT_EQ(found.wa_id, "");
}

TEST(Acceptance, WhatIsUnusualIsLeftToTheLongWay)
{
	const std::string deep =
	    R"({"messages":[{"id":"w"}],"x":)" + std::string(100, '[') + std::string(100, ']') + "}";
	for (const std::string &body :
	     {std::string(), std::string("{"), std::string("[]"), std::string(R"({"messages":[]})"),
	      std::string(R"({"messages":{"id":"w"}})"), std::string(R"({"messages":[{"id":7}]})"),
	      std::string(R"({"messages":[["id","w"]]})"),
	      std::string(R"([{"messages":[{"id":"w"}]}])"),
	      std::string(R"({"messages":[{"id":"w"}]} trailing)"),
	      std::string(R"({"messages":[{"id":"a\u0000b"}]})"),
	      R"({"messages":[{"id":")" + std::string(2000, 'w') + R"("}]})", deep}) {
		Acceptance found;
		EXPECT_FALSE(read_acceptance(body, found)) << body.substr(0, 80);
	}
}

/* judge_answer() asks it for status 200 only: the same body with 201 goes the long way. */
TEST(Acceptance, BothWaysSayTheSame)
{
	for (
	    const char *body :
	    {R"({"messages":[{"id":"wamid.1"}]})",
	     R"({"contacts":[{"wa_id":"34"}],"messages":[{"id":"wamid.1","message_status":"paused"}]})",
	     R"({"messages":[{"id":"wamid.1"}],"contacts":[]})",
	     R"({"messages":[{"id":"ñ"}],"contacts":[{"wa_id":null,"user_id":"u"}]})",
	     R"({"messages":[{"id":"wamid.1"}],"error":{"code":1}})", R"({"messages":[{"id":""}]})",
	     R"({"messages":[{"id":12}]})"}) {
		whatsapp::Answer answer;
		answer.transport = whatsapp::Transport::answered;
		answer.body = body;
		answer.http_status = 200;
		const whatsapp::Outcome quick = whatsapp::judge_answer(answer);
		answer.http_status = 201;
		const whatsapp::Outcome slow = whatsapp::judge_answer(answer);
		EXPECT_EQ(quick.verdict, slow.verdict) << body;
		EXPECT_EQ(quick.wamid, slow.wamid) << body;
		EXPECT_EQ(quick.wa_id, slow.wa_id) << body;
		EXPECT_EQ(quick.user_id, slow.user_id) << body;
		EXPECT_EQ(quick.message_status, slow.message_status) << body;
	}
}

} // namespace
