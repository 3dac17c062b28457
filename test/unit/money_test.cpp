/*
 * money_test.cpp — amounts as people of several countries read them, to the last cent.
 *
 * Expected texts come from CLDR as Debian's ICU carries it; where a locale's sign may change
 * between versions, only the digits are compared.
 */
#include "core/value/money.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

#define NBSP "\xC2\xA0"
#define EURO "\xE2\x82\xAC"

struct Amount {
	const char *decimal;
	const char *currency;
	const char *locale;
	const char *text;
};

constexpr Amount amounts[] = {
    {"1250", "EUR", "en", EURO "1,250.00"},
    {"1250", "EUR", "es", "1250,00" NBSP EURO},
    {"1250", "EUR", "es_ES", "1250,00" NBSP EURO},
    {"1250", "EUR", "es-ES", "1250,00" NBSP EURO},
    {"12500", "EUR", "es", "12.500,00" NBSP EURO},
    {"1250.5", "EUR", "de_DE", "1.250,50" NBSP EURO},
    {"1250", "USD", "en_US", "$1,250.00"},
    {"1250", "usd", "en_US", "$1,250.00"},
    {"0", "USD", "en", "$0.00"},
    {"0.125", "USD", "en", "$0.13"},
    {"0.135", "USD", "en", "$0.14"},
    {"0.124999999999999999999999", "USD", "en", "$0.12"},
    {"-0.125", "USD", "en", "-$0.13"},
    {"2.675", "USD", "en", "$2.68"},
    {"1.005", "EUR", "en", EURO "1.01"},
    {"-1250.00", "EUR", "en", "-" EURO "1,250.00"},
    {"-0", "EUR", "en", EURO "0.00"},
    {"-0.001", "EUR", "en", EURO "0.00"},
    {"1250.5", "JPY", "en",
     "\xC2\xA5"
     "1,251"},
    {"1250.4", "JPY", "en",
     "\xC2\xA5"
     "1,250"},
    {"123456789012345678901234567890.12", "EUR", "en",
     EURO "123,456,789,012,345,678,901,234,567,890.12"},
    {"0000001250.000000000000000000", "EUR", "en", EURO "1,250.00"},
};

TEST(Money, Formats)
{
	for (const Amount &amount : amounts)
		EXPECT_EQ(format_amount(amount.decimal, amount.currency, amount.locale), amount.text)
		    << amount.decimal << amount.currency << amount.locale;
}

TEST(Money, OtherOrderSameResult)
{
	for (int round = 0; round < 2; round++)
		for (std::size_t i = sizeof(amounts) / sizeof(amounts[0]); i-- > 0;)
			EXPECT_EQ(format_amount(amounts[i].decimal, amounts[i].currency, amounts[i].locale),
			          amounts[i].text);
}

TEST(Money, OwnDecimalsOfTheCurrency)
{
	std::string dinar = format_amount("1.2345", "KWD", "en");
	EXPECT_NE(dinar.find("1.235"), std::string::npos) << dinar;
	EXPECT_NE(format_amount("1250", "CHF", "de_CH").find("250.00"), std::string::npos);
}

TEST(Money, LongestAmount)
{
	std::string digits(1000, '9');
	std::string text = format_amount(digits, "INR", "en_IN");
	EXPECT_GT(text.size(), 1490U);
	EXPECT_EQ(sqlstate_of([&] { format_amount(digits + "9", "INR", "en_IN"); }), "WA006");
}

TEST(Money, NoForbiddenWhiteSpaceInAnyLocale)
{
	for (const char *locale : {"en", "es", "fr", "de", "it", "pt_BR", "ar", "he", "hi", "ja", "sv",
	                           "pl", "ru", "fa", "es_419", "en_IN"}) {
		std::string text = format_amount("-1234567.891", "EUR", locale);
		EXPECT_EQ(text.find_first_of("\t\n\r"), std::string::npos) << text;
		EXPECT_EQ(text.find("  "), std::string::npos) << text;
	}
}

TEST(Money, RefusesAmounts)
{
	for (const char *decimal :
	     {"",      "NaN", "Infinity", "-Infinity", "-",   ".",    "1.",       ".5",  "+-1", "1e3",
	      "1,250", " 1",  "1 ",       "1.2.3",     "--1", "0x10", "\xD9\xA1", "1\n", "inf", "nan"})
		EXPECT_EQ(sqlstate_of([&] { format_amount(decimal, "EUR", "en"); }), "WA006") << decimal;
	EXPECT_EQ(sqlstate_of([] { format_amount(std::string_view("1\0", 2), "EUR", "en"); }), "WA006");
}

TEST(Money, RefusesCurrencies)
{
	for (const char *currency :
	     {"", "E", "EU", "EURO", "E1R", "ZZZ", "XXX", "XTS", EURO, "EU ", "\xFF\xFF\xFF"})
		EXPECT_EQ(sqlstate_of([&] { format_amount("1", currency, "en"); }), "WA007") << currency;
}

TEST(Money, RefusesLocales)
{
	for (const char *locale : {"", "x", "xx", "tlh", "en_XQ", "root", "C", "POSIX", "en_US.UTF-8",
	                           "en@currency=USD", "en US", "../en", "123", "\xFF\xFF", "zz_ZZ"})
		EXPECT_EQ(sqlstate_of([&] { format_amount("1", "EUR", locale); }), "WA008") << locale;
	EXPECT_EQ(sqlstate_of([] { format_amount("1", "EUR", std::string(100, 'e')); }), "WA008");
	EXPECT_EQ(sqlstate_of([] { format_amount("1", "EUR", std::string(10000, 'e')); }), "WA008");
}

TEST(Money, AFaultKeepsTheCacheUsable)
{
	EXPECT_EQ(format_amount("1250", "EUR", "en"), EURO "1,250.00");
	EXPECT_EQ(sqlstate_of([] { format_amount("1", "EUR", "xx"); }), "WA008");
	EXPECT_EQ(format_amount("1250", "EUR", "en"), EURO "1,250.00");
}

TEST(Money, PlainNumbersAsText)
{
	for (const char *number : {"1250", "1250.00", "-7.5", "+3", "0.125", "1250.000", "12.34"})
		EXPECT_TRUE(is_plain_amount(number, "EUR") && !format_amount(number, "EUR", "en").empty())
		    << number;
	EXPECT_EQ(format_amount("+1250.00", "EUR", "en"), EURO "1,250.00");
	for (const char *text : {"", "1,250.00", "1.250,00", "1250 EUR", "1 250", "1.", ".5", "--1",
	                         "1250,00\xC2\xA0\xE2\x82\xAC"})
		EXPECT_FALSE(is_plain_amount(text, "EUR")) << text;
	EXPECT_TRUE(is_plain_amount("1.250", "KWD"));
}

TEST(Money, TextsThatWouldMisleadAreRefused)
{
	const struct {
		const char *text;
		const char *reason;
	} texts[] = {
	    {"1.250", "decimal places or thousands"},
	    {"-999.000", "decimal places or thousands"},
	    {"3.46E+10", "exponent form"},
	    {"NaN", "NaN"},
	    {"1250.00\xE2\x80\x8E", "position 8 is U+200E LEFT-TO-RIGHT MARK"},
	    {"1\xC2\xA0"
	     "250",
	     "position 2 is U+00A0 NO-BREAK SPACE"},
	};
	for (const auto &each : texts) {
		const Fault fault = fault_of([&] { is_plain_amount(each.text, "EUR"); });
		EXPECT_STREQ(fault.sqlstate(), "WA006");
		EXPECT_NE(fault.detail().find(each.reason), std::string::npos) << fault.detail();
	}
}

} // namespace
} // namespace whatsapp
