/*
 * phone_numbers_test.cpp — numbers whose plans have not changed for years.
 */
#include "core/value/phone_numbers.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

PhoneReading
read_number(const char *digits, const char *region)
{
	PhoneReading reading;
	read_phone_number(digits, region, &reading);
	return reading;
}

struct Expected {
	const char *digits;
	const char *region;
	PhoneVerdict verdict;
	const char *e164;
};

TEST(PhoneNumbers, Verdicts)
{
	const Expected numbers[] = {
	    {"+34612345678", "", PhoneVerdict::valid, "+34612345678"},
	    {"0034612345678", "", PhoneVerdict::valid, "+34612345678"},
	    {"0034612345678", "US", PhoneVerdict::valid, "+34612345678"},
	    {"01134612345678", "US", PhoneVerdict::valid, "+34612345678"},
	    {"001134612345678", "AU", PhoneVerdict::valid, "+34612345678"},
	    {"612345678", "ES", PhoneVerdict::valid, "+34612345678"},
	    {"34612345678", "ES", PhoneVerdict::valid, "+34612345678"},
	    {"13123456789", "CN", PhoneVerdict::valid, "+8613123456789"},
	    {"13123456789", "US", PhoneVerdict::valid, "+13123456789"},
	    {"015123456789", "DE", PhoneVerdict::valid, "+4915123456789"},
	    {"11961234567", "BR", PhoneVerdict::valid, "+5511961234567"},
	    {"4532123456", "DK", PhoneVerdict::valid, "+4532123456"},
	    {"6581234567", "SG", PhoneVerdict::valid, "+6581234567"},
	    {"07911123456", "GB", PhoneVerdict::valid, "+447911123456"},
	    {"+447911123456", "ES", PhoneVerdict::valid, "+447911123456"},
	    {"0612345678", "IT", PhoneVerdict::valid, "+390612345678"}, /* its 0 stays */
	    {"89161234567", "RU", PhoneVerdict::valid, "+79161234567"},
	    {"+989601", "", PhoneVerdict::valid, "+989601"},
	    {"+80012345678", "", PhoneVerdict::valid, "+80012345678"},
	    {"612345678", "", PhoneVerdict::no_region, ""},
	    {"34612345678", "", PhoneVerdict::no_region, ""},
	    {"01134612345678", "", PhoneVerdict::no_region, ""},
	    {"34612345678", "FR", PhoneVerdict::too_long, ""},
	    {"612345678", "XX", PhoneVerdict::unknown_region, ""},
	    {"612345678", "UK", PhoneVerdict::unknown_region, ""},
	    {"+999123456", "", PhoneVerdict::unknown_code, ""},
	    {"+3461234567", "", PhoneVerdict::too_short, ""},
	    {"+346123456789", "", PhoneVerdict::too_long, ""},
	    {"+34112345678", "", PhoneVerdict::not_in_use, "+34112345678"},
	    {"5540081837", "BR", PhoneVerdict::ambiguous, "+555540081837"},
	};
	for (const Expected &number : numbers) {
		const PhoneReading reading = read_number(number.digits, number.region);
		EXPECT_EQ(static_cast<int>(reading.verdict), static_cast<int>(number.verdict))
		    << number.digits << " " << number.region;
		EXPECT_STREQ(reading.e164, number.e164) << number.digits << " " << number.region;
	}
	EXPECT_STREQ(read_number("5540081837", "BR").other, "+5540081837");
}

TEST(PhoneNumbers, WhatIsKnown)
{
	const PhoneReading mobile = read_number("+34612345678", "");
	EXPECT_STREQ(mobile.region, "ES");
	EXPECT_EQ(mobile.calling_code, 34);
	EXPECT_STREQ(mobile.type, "mobile");
	EXPECT_STREQ(mobile.national, "612 34 56 78");
	EXPECT_STREQ(mobile.international, "+34 612 34 56 78");
	EXPECT_STREQ(read_number("+80012345678", "").region, "");
	EXPECT_STREQ(read_number("+80012345678", "").type, "toll_free");
	EXPECT_STREQ(read_number("+12025550123", "").region, "US");
}

TEST(PhoneNumbers, ReasonsNameNoNumber)
{
	for (const char *region : {"", "FR", "BR", "XX"})
		for (const char *digits : {"34612345678", "5540081837", "+3461234567", "+999123456"}) {
			const PhoneReading reading = read_number(digits, region);
			if (reading.verdict == PhoneVerdict::valid)
				continue;
			const Fault fault = fault_of([&] { check_reading(reading, digits, region); });
			EXPECT_STREQ(fault.sqlstate(), "22023");
			EXPECT_NE(fault.detail(), "");
			EXPECT_NE(fault.hint(), "");
			EXPECT_EQ(fault.detail().find(digits), std::string::npos) << fault.detail();
		}
}

} // namespace
} // namespace whatsapp
