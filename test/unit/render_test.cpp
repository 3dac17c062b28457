/*
 * render_test.cpp — filled-in bodies, and bodies and parameters that do not fit each other.
 */
#include "core/message/template.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using Texts = std::vector<std::string>;
using Named = std::vector<NamedParameter>;

TEST(Render, OrderNotification)
{
	EXPECT_EQ(
	    render_template("Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de "
	                    "{{3}}.",
	                    Texts{"Proveedor ABC", "PO-2024-001",
	                          "\xE2\x82\xAC"
	                          "1,250.00"}),
	    "Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total "
	    "de \xE2\x82\xAC"
	    "1,250.00.");
}

TEST(Render, Positional)
{
	EXPECT_EQ(render_template("", Texts{}), "");
	EXPECT_EQ(render_template("plain", Texts{}), "plain");
	EXPECT_EQ(render_template("{{1}}", Texts{"a"}), "a");
	EXPECT_EQ(render_template("{{2}}{{1}}", Texts{"a", "b"}), "ba");
	EXPECT_EQ(render_template("{{1}} and {{1}}", Texts{"a"}), "a and a");
	EXPECT_EQ(render_template("{ {1} } }} {x}", Texts{}), "{ {1} } }} {x}");
	EXPECT_EQ(render_template("{{1}}}", Texts{"a"}), "a}");

	std::string body;
	Texts many;
	for (int i = 1; i <= 100; i++) {
		body += "{{" + std::to_string(i) + "}} ";
		many.push_back(std::to_string(i));
	}
	EXPECT_EQ(render_template(body, many).substr(0, 8), "1 2 3 4 ");
}

TEST(Render, FilledTextIsNotScannedAgain)
{
	EXPECT_EQ(render_template("{{1}} {{2}}", Texts{"{{2}}", "{{1}}"}), "{{2}} {{1}}");
	EXPECT_EQ(render_template("{{1}}{{2}}", Texts{"{{", "1}}"}), "{{1}}");
	EXPECT_EQ(render_template("{{a}}", Named{{"a", "{{a}}"}}), "{{a}}");
}

TEST(Render, PositionalMismatch)
{
	struct Case {
		const char *body;
		Texts parameters;
	};
	const Case cases[] = {
	    {"{{1}}", {}},
	    {"{{1}}", {"a", "b"}},
	    {"no placeholder", {"a"}},
	    {"{{1}} {{3}}", {"a", "b"}},
	    {"{{1}} {{3}}", {"a", "b", "c"}},
	    {"{{2}}", {"a", "b"}},
	    {"{{0}}", {"a"}},
	    {"{{01}}", {"a"}},
	    {"{{ 1 }}", {"a"}},
	    {"{{1}", {"a"}},
	    {"{{1", {"a"}},
	    {"{{", {}},
	    {"{{}}", {}},
	    {"{{{1}}}", {"a"}},
	    {"{{-1}}", {"a"}},
	    {"{{101}}", {"a"}},
	    {"{{99999999999999999999}}", {"a"}},
	    {"{{name}}", {"a"}},
	    {"{{1\n}}", {"a"}},
	    {"{{\xFF}}", {"a"}},
	    {"{{1}}", Texts(101, "a")},
	};
	for (const Case &test : cases) {
		Fault fault = fault_of([&] { render_template(test.body, test.parameters); });
		EXPECT_STREQ(fault.sqlstate(), "WA005") << test.body;
		EXPECT_FALSE(fault.detail().empty());
		EXPECT_FALSE(fault.hint().empty());
	}
}

TEST(Render, ParametersAreChecked)
{
	EXPECT_EQ(fault_of([] {
		          render_template("{{1}} {{2}}", Texts{"a", ""});
	          }).message(),
	          "value of \"parameter 2\" is empty");
	EXPECT_EQ(sqlstate_of([] { render_template("{{1}}", Texts{"a\nb"}); }), "WA004");
	EXPECT_EQ(fault_of([] {
		          render_template("{{total}}", Named{{"total", "\t"}});
	          }).message(),
	          "value of \"total\" contains a tab");
}

TEST(Render, NamedParameters)
{
	EXPECT_EQ(
	    render_template("{{total}} for {{supplier}}", Named{{"supplier", "ABC"}, {"total", "1"}}),
	    "1 for ABC");
	EXPECT_EQ(render_template("{{a}}{{a}}", Named{{"a", "x"}}), "xx");
	EXPECT_EQ(render_template("plain", Named{}), "plain");
	EXPECT_EQ(render_template("{{po_2}}", Named{{"po_2", "x"}}), "x");
}

TEST(Render, NamedMismatch)
{
	struct Case {
		const char *body;
		Named parameters;
	};
	const Case cases[] = {
	    {"{{a}}", {}},
	    {"{{a}}", {{"b", "x"}}},
	    {"{{a}}", {{"a", "x"}, {"b", "x"}}},
	    {"{{a}}", {{"a", "x"}, {"a", "y"}}},
	    {"{{A}}", {{"A", "x"}}},
	    {"{{a}}", {{"a", "x"}, {"", "x"}}},
	    {"{{1}}", {{"1", "x"}}},
	    {"{{a b}}", {{"a b", "x"}}},
	    {"{{a}", {{"a", "x"}}},
	};
	for (const Case &test : cases)
		EXPECT_EQ(sqlstate_of([&] { render_template(test.body, test.parameters); }), "WA005")
		    << test.body;
}

TEST(Render, RepeatedLongTextIsBounded)
{
	std::string body;
	for (int i = 0; i < 1000; i++)
		body += "{{1}}";
	EXPECT_EQ(sqlstate_of([&] { render_template(body, Texts{std::string(32768, 'a')}); }), "22001");
}

} // namespace
} // namespace whatsapp
