/* The template that is sent instead: it lies in the payload and never leaves with it. */
#include <gtest/gtest.h>

#include "core/message/fallback.hpp"

using namespace whatsapp;

namespace
{

const std::string text = R"({"type":"text","text":{"body":"say \"fallback\""}})";
const std::string instead =
    R"({"type":"template","template":{"name":"a","language":{"code":"es"}}})";

TEST(Fallback, IsAddedAndRemoved)
{
	const std::string both = add_fallback(text, instead);
	EXPECT_EQ(both,
	          R"({"type":"text","text":{"body":"say \"fallback\""},"fallback":)" + instead + "}");
	EXPECT_TRUE(may_have_fallback(both));
	EXPECT_EQ(remove_fallback(both), R"({"text":{"body":"say \"fallback\""},"type":"text"})");
}

TEST(Fallback, OtherPayloadsStay)
{
	EXPECT_FALSE(may_have_fallback(R"({"type":"text","text":{"body":"Hola"}})"));
	EXPECT_FALSE(may_have_fallback(text)); /* there it is a word of the text */
	EXPECT_EQ(remove_fallback("[\"fallback\"]"), "[\"fallback\"]");
	EXPECT_EQ(remove_fallback("{\"fallback\""), "{\"fallback\"");
}

/* As jsonb prints it, when the column has been changed. */
TEST(Fallback, IsRemovedWhereverItStands)
{
	EXPECT_EQ(
	    remove_fallback(
	        R"({"text": {"body": "Hola"}, "fallback": {"type": "template"}, "type": "text"})"),
	    R"({"text":{"body":"Hola"},"type":"text"})");
}

} // namespace
