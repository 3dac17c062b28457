/*
 * e164_test.cpp — every wrong form of a phone number gets its own sentence, and none gets through.
 *
 * The wrong forms of the quick reference come first; the rest is what people and machines paste.
 */
#include "core/value/e164.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using namespace std::string_view_literals;

TEST(E164, ValidNumbers)
{
	for (std::string_view phone :
	     {"+34612345678"sv, "+123456"sv, "+989601"sv, "+431110"sv, "+123456789012345"sv,
	      "+12025550123"sv, "+5511912345678"sv, "+8613800138000"sv}) {
		EXPECT_TRUE(valid_e164(phone)) << phone;
		EXPECT_EQ(phone_problem(phone), "") << phone;
		EXPECT_NO_THROW(check_phone(phone));
	}
}

struct WrongForm {
	std::string_view phone;
	const char *reason; /* part of the sentence */
};

class WrongPhone : public ::testing::TestWithParam<WrongForm>
{
};

TEST_P(WrongPhone, HasItsReason)
{
	const WrongForm &form = GetParam();
	const std::string problem = phone_problem(form.phone);

	ASSERT_NE(problem, "") << form.phone;
	EXPECT_NE(problem.find(form.reason), std::string::npos) << form.phone << ": " << problem;
	EXPECT_FALSE(valid_e164(form.phone));

	Fault fault = fault_of([&] { check_phone(form.phone); });
	EXPECT_STREQ(fault.sqlstate(), "22023");
	EXPECT_EQ(fault.message(), "phone number is not in E.164 format");
	EXPECT_EQ(fault.detail(), problem);
	EXPECT_EQ(fault.hint(), "Write the number with + and the country code and no spaces, for "
	                        "example +34612345678.");
}

constexpr WrongForm wrong_forms[] = {
    {"612345678", "the digits alone do not tell"},
    {"34612345678", "leading + is missing"},
    {"13123456789", "the digits alone do not tell"}, /* of China, or with a + of Chicago */
    {"15123456789", "the digits alone do not tell"}, /* of Germany */
    {"11961234567", "the digits alone do not tell"}, /* of Brazil */
    {"4532123456", "the digits alone do not tell"},  /* of Denmark, with its country code */
    {"4740612345", "the digits alone do not tell"},  /* of Norway */
    {"6581234567", "the digits alone do not tell"},  /* of Singapore */
    {"01134612345678", "write + instead of 011"},
    {"01132345678", "begins with 0, as national"}, /* of Leeds */
    {"001134612345678", "write + instead of 0011"},
    {"3.46E+10", "exponent form"},
    {"3,46E+10", "exponent form"},
    {"+3461234567e1", "exponent form"},
    {"34612345678.0", "decimal places"},
    {"+34612345678,00", "decimal places"},
    {"+34 612 34 56 78", "has spaces"},
    {"2025550123", "leading + is missing"},
    {"0612345678", "country code and the leading + are missing"},
    {"07911123456", "country code and the leading + are missing"},
    {"0034612345678", "write + instead of 00"},
    {"1", "country code"},
    {"12345678901234567890", "too long"},
    {"", "empty"},
    {" ", "white space only"},
    {"\t\n ", "white space only"},
    {" +34612345678", "begins or ends with a space"},
    {"+34612345678 ", "begins or ends with a space"},
    {"+ 34612345678", "has spaces"},
    {"+34-612-345-678", "separators"},
    {"+34.612.345.678", "separators"},
    {"+34(612)345678", "separators"},
    {"+34/612345678", "separators"},
    {"tel:+34612345678", "letters"},
    {"+34612345678x12", "letters"},
    {"+1800FLOWERS", "letters"},
    {"NULL", "letters"},
    {"+3461234567\xD9\xA8", "not ASCII"},
    {"+34612345678\xE2\x80\x8B", "at position 13 is U+200B ZERO WIDTH SPACE, which is not ASCII"},
    {"\xE2\x80\x8E+34612345678", "at position 1 is U+200E LEFT-TO-RIGHT MARK"},
    {"\xEF\xBC\x8B"
     "34612345678",
     "not ASCII"},
    {"+34\xC2\xA0"
     "612345678",
     "not ASCII"},
    {"\xFF\xFE", "not ASCII"},
    {"+34612345678\n", "control character"},
    {"+34612345678\r\n", "control character"},
    {"+34612345678\0"sv, "control character"},
    {"+34612\0"
     "345678"sv,
     "control character"},
    {"\0"sv, "control character"},
    {"+34612345678\x7F", "control character"},
    {"+0612345678", "country code begins with 0"},
    {"+0034612345678", "country code begins with 0"},
    {"++34612345678", "more than one plus"},
    {"+34+612345678", "more than one plus"},
    {"34612345678+", "not at the beginning"},
    {"+", "plus sign alone"},
    {"+12345", "too short"},
    {"+1", "too short"},
    {"+1234567890123456", "too long"},
    {"+34612345678;DROP", "letters"},
    {"+34612345678;", "neither a digit"},
    {"*100#", "position 1 is \"*\", which is neither a digit"},
    {"-34612345678", "separators"},
};

INSTANTIATE_TEST_SUITE_P(E164, WrongPhone, ::testing::ValuesIn(wrong_forms));

TEST(E164, NoReasonShowsTheNumber)
{
	for (const WrongForm &form : wrong_forms) {
		if (form.phone.size() > 4) {
			EXPECT_EQ(phone_problem(form.phone).find(form.phone), std::string::npos);
		}
	}
}

TEST(E164, EachByteIsJudged)
{
	for (int byte = 0; byte < 256; byte++) {
		std::string phone = "+3461234567";
		phone += static_cast<char>(byte);
		EXPECT_EQ(valid_e164(phone), byte >= '0' && byte <= '9') << byte;
	}
}

TEST(E164, Digits)
{
	EXPECT_EQ(digits("+34612345678"), "34612345678");
	EXPECT_EQ(digits(""), "");
}

} // namespace
} // namespace whatsapp
