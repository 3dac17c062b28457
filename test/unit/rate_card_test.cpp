/*
 * rate_card_test.cpp — rate cards as Meta publishes them, and what must not be read as one.
 */
#include "core/price/rate_card.hpp"

#include "core/price/rate.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

/* The head of Meta's card of July 2026, with its prose, its header on line 6 and its newline inside
 * a name. */
constexpr char card_head[] =
    "Cost per message in USD, effective July 1, 2026,,,,,,\r\n"
    "\"Note: prices, without tax, \"\"as is\"\"\",,,,,,\r\n"
    ",,,,,,\r\n"
    "Market rates,,,,,,\r\n"
    ",,,,,,\r\n"
    "Market,Currency,Marketing,Utility,Authentication,\"Authentication-\nInternational\",Service\r\n";

std::string
card(const std::string &rows)
{
	return card_head + rows;
}

std::string
shown(const std::vector<CardRate> &rates)
{
	std::string text;
	for (const CardRate &rate : rates)
		text += rate.market + "/" + rate.category + "/" + std::to_string(rate.volume_from) + "=" +
		        (rate.rate.empty() ? "-" : rate.rate) + "@" + std::to_string(rate.line) + " ";
	return text;
}

std::string
problem(const std::string &file, const char *currency = "USD")
{
	const Fault fault = fault_of([&] { read_rate_card(file, currency); });
	return std::string(fault.sqlstate()) + " " + fault.detail();
}

TEST(Rate, DigitsStay)
{
	const std::pair<const char *, const char *> rates[] = {
	    {"0.0618", "0.0618"},
	    {"8.0E-4", "0.0008"},
	    {"8E-04", "0.0008"},
	    {"1.5e+2", "150"},
	    {"0", "0"},
	    {"0.00", "0"},
	    {".5", "0.5"},
	    {"5.", "5"},
	    {"007", "7"},
	    {"12.50", "12.5"},
	    {"0.00000001", "0.00000001"},
	    {"999999.99999999", "999999.99999999"},
	    {"1.2345678E0", "1.2345678"},
	    {"0.12E1", "1.2"},
	    {"100E-8", "0.000001"},
	};
	for (const auto &[printed, read] : rates)
		EXPECT_EQ(read_rate(printed), read) << printed;
}

TEST(Rate, WhatIsNoneIsRefused)
{
	for (const char *printed :
	     {"",      ".",     "-0.01", "+0.01", "0,05", "$0.05",       "1e",
	      "1e+-2", "1E999", "0x1",   "NaN",   "inf",  "0.000000001", "1000000",
	      "1 000", "0.05 ", "5E-9",  "1.2.3", "1E-",  "--1"})
		EXPECT_EQ(read_rate(printed), "") << printed;
	EXPECT_EQ(read_rate(std::string(100, '0')), "");
}

TEST(RateCard, AsMetaPublishesIt)
{
	EXPECT_EQ(shown(read_rate_card(
	              card("Spain,$US,0.0707,0.0200,0.0200,n/a,0.0200\r\n"
	                   "\"Rest of Central & Eastern Europe\",$US,8.0E-4,0,N/A,n/a,1\r\n,,,,,,\r\n"),
	              "USD")),
	          "Spain/marketing/1=0.0707@8 Spain/utility/1=0.02@8 Spain/authentication/1=0.02@8 "
	          "Spain/authentication_international/1=-@8 Spain/service/1=0.02@8 "
	          "Rest of Central & Eastern Europe/marketing/1=0.0008@9 "
	          "Rest of Central & Eastern Europe/utility/1=0@9 "
	          "Rest of Central & Eastern Europe/authentication/1=-@9 "
	          "Rest of Central & Eastern Europe/authentication_international/1=-@9 "
	          "Rest of Central & Eastern Europe/service/1=1@9 ");
}

TEST(RateCard, ColumnsAreTakenByName)
{
	EXPECT_EQ(shown(read_rate_card("\xEF\xBB\xBFUtility,MARKET,marketing\nn/a,Spain,0.07", "EUR")),
	          "Spain/utility/1=-@2 Spain/marketing/1=0.07@2 ");
	EXPECT_EQ(shown(read_rate_card("Market,Category,Volume from,Rate\nPeru,Utility,0,0.03\n"
	                               "Peru,Utility,100001,0.0285\n",
	                               "USD")),
	          "Peru/utility/1=0.03@2 Peru/utility/100001=0.0285@3 ");
}

TEST(RateCard, LineByLineInEveryNewline)
{
	for (const char *newline : {"\n", "\r\n", "\r"}) {
		const std::string file = std::string("Market,Utility") + newline + "Spain,0.02" + newline +
		                         "Peru,0.03" + newline;
		EXPECT_EQ(shown(read_rate_card(file, "USD")),
		          "Spain/utility/1=0.02@2 Peru/utility/1=0.03@3 ");
	}
}

TEST(RateCard, WorkbooksAreRefusedByName)
{
	const Fault fault =
	    fault_of([] { read_rate_card(std::string("PK\3\4\0\0Market,Utility", 20), "USD"); });
	EXPECT_STREQ(fault.sqlstate(), "22023");
	EXPECT_NE(fault.message().find("XLSX"), std::string::npos);
	EXPECT_NE(fault.hint().find("xlsx2csv"), std::string::npos);
	EXPECT_EQ(problem("\xD0\xCF\x11\xE0").substr(0, 5), "22023");
}

TEST(RateCard, WhatIsNotUnderstoodIsRefused)
{
	const std::pair<std::string, const char *> files[] = {
	    {"", "no line with a column named Market"},
	    {"<html>Market</html>", "no line with"},
	    {card(""), ""},
	    {card("Spain,$US,0.07,0.02,0.02,n/a\n"), "Line 8: it has 6 of 7 cells"},
	    {card("Spain,EUR,0.07,0.02,0.02,n/a,0.02\n"), "the currency is \"EUR\" and not USD"},
	    {card("Spain,$A,0.07,0.02,0.02,n/a,0.02\n"), "the currency is \"$A\" and not USD"},
	    {card("Spain,$US,\"0,07\",0.02,0.02,n/a,0.02\n"), "\"0,07\" is neither a rate"},
	    {card("Spain,$US,,0.02,0.02,n/a,0.02\n"), "\"\" is neither a rate"},
	    {card("Spain,$US,0.0707000001,0.02,0.02,n/a,0.02\n"), "of at most 8 decimals"},
	    {card("Spain,$US,-1,0.02,0.02,n/a,0.02\n"), "\"-1\" is neither"},
	    {card(",$US,0.07,0.02,0.02,n/a,0.02\n"), "the market is missing"},
	    {card("Spain,$US,1,1,1,1,1\nSpain,$US,1,1,1,1,1\n"),
	     "Line 9: market \"Spain\" has this rate already"},
	    {card("Spain,$US,1,1,1,1,\"1\nFrance"), "It opens on line 8"},
	    {card("Spain,$US,\"1\"1,1,1,1,1"), "It ends on line 8"},
	    {"Market,Utility,Discount\nSpain,1,1", "column 3 has an unknown name"},
	    {"Market,Utility,Utility\nSpain,1,1", "stands there twice"},
	    {"Market,Market,Utility\nSpain,1,1", "stands there twice"},
	    {"Market,Rate\nSpain,1", "Category, Volume from and Rate"},
	    {"Market,Utility,Rate\nSpain,1,1", "Category, Volume from and Rate"},
	    {"Market,Category,Volume from,Rate\nPeru,Magic,1,1", "the category is unknown"},
	    {"Market,Category,Volume from,Rate\nPeru,Utility,-1,1", "is no number of messages"},
	    {"Market,Category,Volume from,Rate\nPeru,Utility,1e5,1", "is no number of messages"},
	    {"Market,Utility\nSpa\xF1 a,1", "Byte 19 is not part of a character"},
	    {std::string("M\0arket", 7), "Byte 2"},
	    {std::string((1 << 20) + 1, ' '), ""},
	};
	for (const auto &[file, detail] : files) {
		const std::string said = problem(file);
		EXPECT_EQ(said.substr(0, 5), "22023") << file.substr(0, 200);
		EXPECT_NE(said.find(detail), std::string::npos) << said;
	}
}

TEST(RateCard, NoCutMakesAPriceOfSomethingElse)
{
	const std::string whole = card("Spain,$US,0.0707,0.0200,0.0200,n/a,0.0200\n");
	for (std::size_t size = 0; size < whole.size(); size++) {
		std::vector<CardRate> rates;
		try {
			rates = read_rate_card(whole.substr(0, size), "USD");
		} catch (const Fault &) {
			continue;
		}
		/* Only the digits of the last cell may be missing without anybody being able to tell. */
		EXPECT_GE(size, whole.size() - 7);
		EXPECT_EQ(rates.size(), 5U);
		EXPECT_EQ(rates[0].rate, "0.0707");
	}
}

} // namespace
} // namespace whatsapp
