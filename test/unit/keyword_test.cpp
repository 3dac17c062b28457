#include "core/webhook/keyword.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

TEST(Keyword, LettersAndDigitsCount)
{
	for (const char *text :
	     {"STOP", "stop", " stop! ", "\"Stop\"!! \n", "STOP\xC2\xA0",
	      "\xE2\x80\x9CSTOP\xE2\x80\x9D", "\xE2\x80\x8BSTOP\xE2\x80\x8D", "\xEF\xBB\xBFstop",
	      "STOP \xF0\x9F\x99\x8F", "S.T.O.P.", "\xEF\xBC\xB3\xEF\xBC\xB4\xEF\xBC\xAF\xEF\xBC\xB0",
	      "\xE2\x93\xA2top", "sto\xC2\xADp", "st\xC3\xB3p", "*STOP*", "\xF0\x9D\x90\x92TOP",
	      "STOP\xEF\xB8\x8F"})
		EXPECT_EQ(keyword_key(text), "stop") << text;
	EXPECT_EQ(keyword_key("Dar de b\xC3\xA1ja"), "dardebaja");
	EXPECT_EQ(keyword_key("dar  de-ba\xCC\x81ja"), "dardebaja");
	EXPECT_EQ(keyword_key("\xC2\xA1"
	                      "BAJA!"),
	          "baja");
	EXPECT_EQ(keyword_key("Arr\xC3\xAAt"), "arret");
	EXPECT_EQ(keyword_key("STOP 24"), "stop24");
	EXPECT_EQ(keyword_key("Gro\xC3\x9F"), "gross");
	EXPECT_EQ(keyword_key("\xC4\xB0PTAL"), "iptal");
}

TEST(Keyword, OtherScripts)
{
	EXPECT_EQ(keyword_key("\xD0\xA1\xD0\xA2\xD0\x9E\xD0\x9F"), "\xD1\x81\xD1\x82\xD0\xBE\xD0\xBF");
	/* in Devanagari a vowel sign is a part of the word */
	EXPECT_NE(keyword_key("\xE0\xA4\x95\xE0\xA4\xBE"), keyword_key("\xE0\xA4\x95\xE0\xA4\xBF"));
}

TEST(Keyword, NoKeyword)
{
	EXPECT_EQ(keyword_key(""), "");
	EXPECT_EQ(keyword_key(" .,! \xF0\x9F\x99\x8F"), "");
	EXPECT_EQ(keyword_key(std::string(65, 'x')), "");
	EXPECT_EQ(keyword_key(std::string(64, 'x')).size(), 64U);
	EXPECT_EQ(keyword_key("stop" + std::string(300, ' ')), "");
	EXPECT_EQ(keyword_key("Please stop sending"), "pleasestopsending");
	/* malformed: as much as can be read */
	EXPECT_EQ(keyword_key("st\xFFop"), "stop");
}

} // namespace
} // namespace whatsapp
