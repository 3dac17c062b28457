/* secret_text_test.cpp — what people put into the files of secrets by mistake. */
#include "core/base/secret_text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

std::string
secret_problem(const char *secret, std::string_view text)
{
	const char *found = secret_text_problem(secret, text);
	return found == nullptr ? "" : found;
}

TEST(SecretText, TakesWhatASecretIs)
{
	for (const char *text : {"EAAGm0PX4ZCpsBA", "abc123==", "0123456789abcdef", "a.b-c_d", "x"})
		EXPECT_EQ(secret_problem("access_token", text), "") << text;
	EXPECT_EQ(secret_problem("verify_token", "una frase con eñes = y más"), "");
	/* one quote is no pair */
	EXPECT_EQ(secret_problem("verify_token", "\"half"), "");
	EXPECT_EQ(secret_problem("verify_token", "\""), "");
}

TEST(SecretText, RefusesWhatItIsNot)
{
	EXPECT_EQ(secret_problem("access_token", ""), "is empty");
	EXPECT_EQ(secret_problem("access_token", "\xEF\xBB\xBF"
	                                         "EAA"),
	          "begins with a byte order mark");
	EXPECT_EQ(secret_problem("access_token", "\"EAA\""), "has quotes around the value");
	EXPECT_EQ(secret_problem("app_secret", "'abc'"), "has quotes around the value");
	for (const char *text : {"WHATSAPP_ACCESS_TOKEN=EAA", "access_token=EAA", "export X=EAA",
	                         "WHATSAPP_ACCESS_TOKEN=\"EAA\""})
		EXPECT_EQ(secret_problem("access_token", text),
		          "holds an assignment instead of the value alone")
		    << text;
	EXPECT_EQ(secret_problem("access_token", "EAA\nEAB"),
	          "has more than one line, or a control character");
	EXPECT_EQ(secret_problem("access_token", std::string_view("EAA\0B", 5)),
	          "has more than one line, or a control character");
	EXPECT_EQ(secret_problem("access_token", "EAA B"), "has a space within the value");
	EXPECT_EQ(secret_problem("access_token", "EAA\xC3\xA9"), "has a character that is not ASCII");
	/* UTF-16, as an editor of Windows saves it */
	EXPECT_EQ(secret_problem("verify_token", std::string_view("\xFF\xFE"
	                                                          "E\0A\0",
	                                                          6)),
	          "has more than one line, or a control character");
	EXPECT_EQ(secret_problem("verify_token", "verify_token=abc"),
	          "holds an assignment instead of the value alone");
}

TEST(SecretText, KnowsWhatAnybodyCouldGuess)
{
	for (const char *text : {"", "short", "random-secret", "YOUR_TOKEN", "aaaaaaaaaaaaaaaaaaaaaaaa",
	                         "0123012301230123"})
		EXPECT_TRUE(secret_is_weak("verify_token", text)) << text;
	EXPECT_FALSE(secret_is_weak("verify_token", "b1946ac92492d2347c6235b4d2611184"));
	EXPECT_FALSE(secret_is_weak("verify_token", "una frase con \xC3\xB1"));
	EXPECT_TRUE(secret_is_weak("app_secret", "b1946ac92492d234"));
	EXPECT_FALSE(secret_is_weak("app_secret", "b1946ac92492d2347c6235b4d2611184"));
	EXPECT_TRUE(secret_is_weak("access_token", "EAAxxxxx"));
	EXPECT_FALSE(secret_is_weak("access_token", "EAAGm0PX4ZCpsBAKZCZA1lf"));
}

} // namespace
} // namespace whatsapp
