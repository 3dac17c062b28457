/*
 * json_view_test.cpp — the reader in place sees what a tree of nlohmann's holds, and refuses what
 * it refuses.
 */
#include "core/base/json_view.hpp"

#include <gtest/gtest.h>

#include "json_rebuilt.hpp"
#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

JsonProblem
view_problem_of(const std::string &text)
{
	JsonDocument document;
	json tree;
	const JsonProblem problem = read_json(text, document);
	const JsonProblem other = parse_bounded(text, tree);
	EXPECT_EQ(problem == JsonProblem::none, other == JsonProblem::none) << text.substr(0, 80);
	if (problem == JsonProblem::none && other == JsonProblem::none) {
		EXPECT_EQ(rebuilt(document.nodes.front()), without_nul(tree)) << text.substr(0, 80);
		EXPECT_TRUE(!document.plain || jsonb_accepts(document.nodes.front().raw));
	}
	return problem;
}

TEST(JsonView, ReadsWhatATreeHolds)
{
	for (const char *text : {"{}",
	                         "[]",
	                         " { \"a\" : [ 1 , -2.5 , true , false , null , \"x\" ] } \r\n",
	                         R"({"a":{"b":{"c":[[],{},[{}]]}},"d":"e"})",
	                         R"("\"\\\/\b\f\n\r\t")",
	                         R"("\u00e9\u20ac\ud83d\ude00\u0000\u007F\uffff")",
	                         "\"\xC3\xB1\xE2\x82\xAC\xF0\x9F\x98\x80\"",
	                         R"({"\u0061":1,"a":2})",
	                         R"({"a":1,"b":2,"a":{"b":3}})",
	                         "0",
	                         "-0",
	                         "0.0",
	                         "1e3",
	                         "1E-3",
	                         "1e+30",
	                         "-1.25e-400",
	                         "18446744073709551615",
	                         "-9223372036854775808",
	                         "18446744073709551616",
	                         "123456789012345678901234567890.5",
	                         "\xEF\xBB\xBF{}"})
		EXPECT_EQ(view_problem_of(text), JsonProblem::none) << text;
}

TEST(JsonView, RefusesWhatATreeRefuses)
{
	for (const char *text : {"",
	                         " ",
	                         "{",
	                         "[",
	                         "}",
	                         "[1,]",
	                         "{,}",
	                         "{\"a\"}",
	                         "{\"a\":}",
	                         "{\"a\":1,}",
	                         "{a:1}",
	                         "[1 2]",
	                         "{}{}",
	                         "[1]x",
	                         "01",
	                         "-",
	                         "+1",
	                         ".5",
	                         "1.",
	                         "1e",
	                         "1e+",
	                         "tru",
	                         "truex",
	                         "nul",
	                         "NaN",
	                         "\"",
	                         "\"a",
	                         "\"\\",
	                         "\"\\x\"",
	                         "\"\\u12\"",
	                         "\"\\u12G4\"",
	                         "\"\\ud800\"",
	                         "\"\\ud800\\u0041\"",
	                         "\"\\udc00\"",
	                         "\"\\ud800\\\"",
	                         "\"\t\"",
	                         "\"\\n\t\"",
	                         "\"\xFF\"",
	                         "\"\xC0\x80\"",
	                         "\"\xED\xA0\x80\"",
	                         "\"\\n\xED\xA0\x80\"",
	                         "\"\xE2\x82\"",
	                         "\xEF\xBB{}",
	                         "'a'",
	                         "/**/{}"})
		EXPECT_EQ(view_problem_of(text), JsonProblem::syntax) << text;
	EXPECT_EQ(view_problem_of(std::string("{}\0", 3)), JsonProblem::syntax);
	EXPECT_EQ(view_problem_of(std::string("\"\0\"", 3)), JsonProblem::syntax);
	EXPECT_EQ(view_problem_of("[1e400]"), JsonProblem::number);
	EXPECT_EQ(view_problem_of("[" + std::string(400, '9') + "]"), JsonProblem::number);
}

TEST(JsonView, HasTheSameLimits)
{
	const auto deep = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
	EXPECT_EQ(view_problem_of(deep(max_json_depth)), JsonProblem::none);
	EXPECT_EQ(view_problem_of(deep(max_json_depth + 1)), JsonProblem::depth);
	EXPECT_EQ(view_problem_of(std::string(3000000, '[')), JsonProblem::depth);
	const auto key = [](std::size_t n) { return "{\"" + std::string(n, 'k') + "\":1}"; };
	EXPECT_EQ(view_problem_of(key(max_json_key_bytes)), JsonProblem::none);
	EXPECT_EQ(view_problem_of(key(max_json_key_bytes + 1)), JsonProblem::key);
	const auto string = [](std::size_t n) { return "\"" + std::string(n, 's') + "\""; };
	EXPECT_EQ(view_problem_of(string(max_json_string_bytes)), JsonProblem::none);
	EXPECT_EQ(view_problem_of(string(max_json_string_bytes + 1)), JsonProblem::string);
	const auto wide = [](std::size_t n) {
		std::string text = "[0";
		for (std::size_t i = 1; i < n; i++)
			text += ",0";
		return text + "]";
	};
	EXPECT_EQ(view_problem_of(wide(max_json_values - 1)), JsonProblem::none);
	EXPECT_EQ(view_problem_of(wide(max_json_values)), JsonProblem::values);
}

TEST(JsonView, MembersAndText)
{
	const std::string text =
	    R"({"a":{"x":1},"n":12,"big":18446744073709551615,"more":18446744073709551616,"zero":-0,"real":1.0,"yes":true,"s":"\u00f1\u0000","a":{"x":"last"}})";
	JsonDocument document;
	ASSERT_EQ(read_json(text, document), JsonProblem::none);
	const JsonNode *root = &document.nodes.front();
	EXPECT_EQ(text_of(member(member(root, "a"), "x")), "last");
	EXPECT_EQ(text_of(member(root, "n")), "12");
	EXPECT_EQ(text_of(member(root, "big")), "18446744073709551615");
	EXPECT_EQ(text_of(member(root, "more")), "");
	EXPECT_EQ(text_of(member(root, "zero")), "0");
	EXPECT_EQ(text_of(member(root, "real")), "");
	EXPECT_EQ(text_of(member(root, "yes")), "");
	EXPECT_EQ(text_of(member(root, "s")), "\xC3\xB1\xEF\xBF\xBD");
	EXPECT_EQ(member(root, "b"), nullptr);
	EXPECT_EQ(member(member(root, "n"), "b"), nullptr);
	EXPECT_EQ(member(static_cast<const JsonNode *>(nullptr), "b"), nullptr);
	EXPECT_FALSE(document.plain);
}

} // namespace
} // namespace whatsapp
