/*
 * redact_test.cpp — masks hide enough, cuts keep characters whole, and everything that leaves is
 * UTF-8.
 */
#include "core/base/redact.hpp"

#include "core/base/utf8.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

#define FFFD "\xEF\xBF\xBD"
#define DOTS "\xE2\x80\xA6"

using namespace std::string_view_literals;

TEST(Redact, MaskPhone)
{
	EXPECT_EQ(mask_phone("+34612345678"), "+34" DOTS "678");
	EXPECT_EQ(mask_phone("+123456789"), "+12" DOTS "789");
	for (std::string_view phone : {""sv, "+"sv, "+34612"sv, "+1234567"sv, "+12345678"sv})
		EXPECT_EQ(mask_phone(phone), DOTS) << phone;
	EXPECT_EQ(mask_phone("+34612\xFF"
	                     "345678"),
	          DOTS);
	EXPECT_EQ(mask_phone("+34612\n345678"), DOTS);
}

TEST(Redact, Clip)
{
	std::string_view text = "a\xC3\xB1\xE2\x82\xAC\xF0\x9F\x98\x80";
	EXPECT_EQ(clip_text(text, 100), text);
	EXPECT_EQ(clip_text(text, 10), text);
	std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
	for (std::size_t i = 0; i <= 10; i++)
		EXPECT_EQ(clip_text(text, i).size(), expected[i]) << i;
	EXPECT_EQ(clip_text("\x80\x80\x80\x80\x80\x80\x80\x80", 5).size(), 5U);
	EXPECT_EQ(clip_text("", 0), "");
}

TEST(Redact, CleanUtf8)
{
	EXPECT_EQ(clean_utf8("ma\xC3\xB1"
	                     "ana"),
	          "ma\xC3\xB1"
	          "ana");
	EXPECT_EQ(clean_utf8("a\0b"sv), "a" FFFD "b");
	EXPECT_EQ(clean_utf8("\xC0\x80"), FFFD FFFD);
	EXPECT_EQ(clean_utf8("\xED\xA0\x80"), FFFD FFFD FFFD);
	EXPECT_EQ(clean_utf8("\xF4\x90\x80\x80"), FFFD FFFD FFFD FFFD);
	EXPECT_EQ(clean_utf8("\xE2\x82"), FFFD FFFD);
	EXPECT_EQ(clean_utf8("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
	EXPECT_EQ(clean_utf8(""), "");
}

TEST(Redact, HideTokens)
{
	std::string token = "EAAG" + std::string(180, 'x') + "9";
	EXPECT_EQ(hide_tokens("Malformed access token " + token), "Malformed access token EAA" DOTS);
	EXPECT_EQ(hide_tokens("Malformed access token AAAA" + std::string(40, 'b')),
	          "Malformed access token AAA" DOTS);
	EXPECT_EQ(hide_tokens("?access_token=" + token + "&a=b"), "?access_token=EAA" DOTS "&a=b");
	EXPECT_EQ(hide_tokens("{\"a\":\"x\\n" + token + "\"}"), "{\"a\":\"x\\nEAA" DOTS "\"}");
	EXPECT_EQ(hide_tokens("{\"a\":\"\\u001f" + token + "\"}"), "{\"a\":\"\\u001fEAA" DOTS "\"}");
	for (std::string_view text :
	     {""sv, "Error validating access token: Session has expired"sv, "EAA"sv, "\\"sv, "\\u"sv,
	      "wamid.HBgLMzQ2MTIzNDU2NzgVAgARGBJEAAQ0QjYwQjA4NTFGMUQ5AA=="sv, "\\u00"sv})
		EXPECT_EQ(hide_tokens(text), text);
}

/* Counts of well-formed sequences are known from Unicode: all code points but the surrogates. */
TEST(Utf8, AcceptsExactlyTheScalarValues)
{
	for (char32_t c = 0; c <= 0x120000; c += c < 0x3000 ? 1 : 17) {
		std::string bytes;
		if (c < 0x80)
			bytes = {static_cast<char>(c)};
		else if (c < 0x800)
			bytes = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
		else if (c < 0x10000)
			bytes = {static_cast<char>(0xE0 | (c >> 12)),
			         static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
			         static_cast<char>(0x80 | (c & 0x3F))};
		else
			bytes = {
			    static_cast<char>(0xF0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
			    static_cast<char>(0x80 | ((c >> 6) & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
		bool scalar = (c < 0xD800 || c > 0xDFFF) && c <= 0x10FFFF;
		Utf8Character character = decode_utf8(bytes + "z");
		EXPECT_EQ(character.length, scalar ? bytes.size() : 0U) << std::hex << unsigned(c);
		if (scalar) {
			EXPECT_EQ(unsigned(character.code_point), unsigned(c));
		}
	}
	EXPECT_EQ(decode_utf8("").length, 0U);
}

TEST(Redact, ASecretIsHiddenWhereverItStands)
{
	EXPECT_EQ(hide_secret("a s3cret, s3crets3cret", "s3cret"),
	          "a \xE2\x80\xA6, \xE2\x80\xA6\xE2\x80\xA6");
	EXPECT_EQ(hide_secret("nothing", "s3cret"), "nothing");
	EXPECT_EQ(hide_secret("", "s3cret"), "");
	EXPECT_EQ(hide_secret("abcabc", ""), "abcabc");
	EXPECT_EQ(hide_secret("abcabc", "abc"), "abcabc");
	EXPECT_EQ(hide_secret("abcdabc", "abcd"), "\xE2\x80\xA6"
	                                          "abc");
}

} // namespace
} // namespace whatsapp
