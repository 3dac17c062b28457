/*
 * template_test.cpp — the platform's limits on names, languages and parameter texts.
 *
 * Faults must name the parameter and the rule and must never repeat a parameter's text.
 */
#include "core/message/template.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using namespace std::string_view_literals;

TEST(Template, Names)
{
	for (const std::string &name : {std::string("po_notification"), std::string("a"),
	                                std::string("_"), std::string("2fa"), std::string(512, 'x')})
		EXPECT_NO_THROW(check_template_name(name));
	for (const std::string &name :
	     {std::string(), std::string(513, 'x'), std::string("Po"), std::string("a-b"),
	      std::string("a b"), std::string("a\n"), std::string("a\0b", 3), std::string("ñ"),
	      std::string("a.b"), std::string("\xFF"), std::string(100000, 'X')}) {
		Fault fault = fault_of([&] { check_template_name(name); });
		EXPECT_STREQ(fault.sqlstate(), "WA001");
		EXPECT_LT(fault.message().size(), 300U);
	}
}

TEST(Template, Languages)
{
	for (const char *code : {"es", "en_US", "prs_AF", "fil", "zh_CN", "es_419", "pt_BR", "sr_Latn"})
		EXPECT_NO_THROW(check_language(code)) << code;
	for (const char *code : {"", "e", "ES", "en-US", "en_", "en_U", "en_USAXX", "english", "en US",
	                         "en_US ", "en__US", "_US", "en_ñ", "\xFF\xFF"})
		EXPECT_EQ(sqlstate_of([&] { check_language(code); }), "WA002") << code;
	EXPECT_EQ(sqlstate_of([] { check_language("es\0"sv); }), "WA002");
}

TEST(Template, GoodParameters)
{
	for (std::string_view text : {"Proveedor ABC"sv, "PO-2024-001"sv,
	                              "\xE2\x82\xAC"
	                              "1,250.00"sv,
	                              "1250,00\xC2\xA0\xE2\x82\xAC"sv, "-"sv, "a    b"sv, "    a    "sv,
	                              "{{1}}"sv, "\xF0\x9F\x98\x80"sv, "a\xE2\x80\x8Bz"sv})
		EXPECT_NO_THROW(check_parameter("x", text)) << text;
	EXPECT_NO_THROW(check_parameter("x", std::string(32768, 'a')));
	std::string wide;
	for (int i = 0; i < 32768; i++)
		wide += "\xE2\x82\xAC";
	EXPECT_NO_THROW(check_parameter("x", wide));
	EXPECT_EQ(sqlstate_of([&] { check_parameter("x", wide + "a"); }), "22001");
}

struct BadParameter {
	std::string_view text;
	const char *sqlstate;
	const char *message;
};

TEST(Template, BadParameters)
{
	const std::string long_text(32769, 'a');
	const BadParameter cases[] = {
	    {"", "WA003", "value of \"supplier\" is empty"},
	    {" ", "WA003", "value of \"supplier\" is empty"},
	    {"\xC2\xA0\xE3\x80\x80\xE2\x80\x8B", "WA003", "value of \"supplier\" is empty"},
	    {"s\xC3\xA9"
	     "cret\n",
	     "WA004", "value of \"supplier\" contains a newline"},
	    {"secret\r", "WA004", "value of \"supplier\" contains a newline"},
	    {"secret\xC2\x85", "WA004", "value of \"supplier\" contains a newline"},
	    {"secret\xE2\x80\xA8", "WA004", "value of \"supplier\" contains a newline"},
	    {"\tsecret", "WA004", "value of \"supplier\" contains a tab"},
	    {"secret\0"sv, "WA004", "value of \"supplier\" contains a control character"},
	    {"secret\x1B[0m", "WA004", "value of \"supplier\" contains a control character"},
	    {"secret\x7F", "WA004", "value of \"supplier\" contains a control character"},
	    {"secret     x", "WA004", "value of \"supplier\" contains more than four spaces in a row"},
	    {"     ", "WA004", "value of \"supplier\" contains more than four spaces in a row"},
	    {long_text, "22001", "value of \"supplier\" is too long"},
	    {"secret\xFF", "22023", "value of \"supplier\" is not valid UTF-8"},
	    {"secret\xED\xA0\x80", "22023", "value of \"supplier\" is not valid UTF-8"},
	    {"secret\xC3", "22023", "value of \"supplier\" is not valid UTF-8"},
	};
	for (const BadParameter &bad : cases) {
		Fault fault = fault_of([&] { check_parameter("supplier", bad.text); });
		EXPECT_STREQ(fault.sqlstate(), bad.sqlstate) << bad.text;
		EXPECT_EQ(fault.message(), bad.message);
		EXPECT_EQ((fault.message() + fault.detail() + fault.hint()).find("secret"),
		          std::string::npos);
	}
}

TEST(Template, ThePositionIsInCharacters)
{
	Fault fault = fault_of([] { check_parameter("p", "\xC3\xB1\xC3\xB1\tx"); });
	EXPECT_NE(fault.detail().find("character 3"), std::string::npos) << fault.detail();
}

TEST(WhiteSpace, CollapsesToWhatIsTaken)
{
	EXPECT_EQ(collapse_white_space("Calle  Mayor 1\r\n\t28013\xC2\x85 Madrid"),
	          "Calle Mayor 1 28013 Madrid");
	EXPECT_EQ(collapse_white_space(" \n a \t"), "a");
	EXPECT_EQ(collapse_white_space("\n \t"), "");
	EXPECT_EQ(collapse_white_space("ñ\xE2\x80\xA8"
	                               "😀"),
	          "ñ 😀");
	EXPECT_EQ(collapse_white_space("\xFF x"), "\xFF x");
	EXPECT_NO_THROW(check_parameter("a", collapse_white_space("a\n\n\n      b\x01"
	                                                          "c")));
}

} // namespace
} // namespace whatsapp
