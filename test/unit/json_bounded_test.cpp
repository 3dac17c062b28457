/*
 * json_bounded_test.cpp — the limits, one by one, and text that jsonb accepts.
 *
 * Deep documents come in sizes that crash a recursive parser: to pass is to return at all.
 */
#include "core/base/json_bounded.hpp"

#include "core/base/json_tree.hpp"

#include <gtest/gtest.h>

#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

JsonProblem
problem_of(const std::string &text)
{
	json tree = "untouched";
	JsonProblem problem = parse_bounded(text, tree);
	EXPECT_EQ(problem == JsonProblem::none, tree != "untouched");
	EXPECT_STRNE(json_problem_text(problem), "");
	return problem;
}

TEST(JsonBounded, NamesTheProblem)
{
	EXPECT_EQ(problem_of("{}"), JsonProblem::none);
	EXPECT_EQ(problem_of("{"), JsonProblem::syntax);
	EXPECT_EQ(problem_of(""), JsonProblem::syntax);
	EXPECT_EQ(problem_of(std::string("{}\0{}", 5)), JsonProblem::syntax);
	EXPECT_EQ(problem_of("\"\xFF\""), JsonProblem::syntax);
	EXPECT_EQ(problem_of("[1e400]"), JsonProblem::number);
	EXPECT_EQ(problem_of("[" + std::string(400, '9') + "]"), JsonProblem::number);
	EXPECT_EQ(problem_of(std::string(33, '[') + std::string(33, ']')), JsonProblem::depth);
	EXPECT_EQ(problem_of(std::string(32, '[') + std::string(32, ']')), JsonProblem::none);
	EXPECT_EQ(problem_of(std::string(3000000, '[')), JsonProblem::depth);
	EXPECT_EQ(problem_of("{\"" + std::string(257, 'k') + "\":1}"), JsonProblem::key);
	EXPECT_EQ(problem_of("\"" + std::string(65537, 's') + "\""), JsonProblem::string);
}

TEST(JsonBounded, SiblingsDoNotAddToTheDepth)
{
	std::string text = "[";
	for (int i = 0; i < 1000; i++)
		text += "[],{},";
	EXPECT_EQ(problem_of(text + "0]"), JsonProblem::none);
}

TEST(JsonBounded, TextForJsonb)
{
	json tree = json::parse(R"({"a\u0000":"b\u0000","c":"\\u0000","d":"\\\u0000"})");
	std::string text = to_jsonb_text(tree);
	EXPECT_TRUE(jsonb_accepts(text)) << text;
	json back = json::parse(text);
	EXPECT_EQ(back["a\xEF\xBF\xBD"], "b\xEF\xBF\xBD");
	EXPECT_EQ(back["c"], "\\u0000");
	EXPECT_EQ(back["d"], "\\\xEF\xBF\xBD");
	EXPECT_EQ(to_jsonb_text(json::parse("[12345678901234567,-1,true,null]")),
	          "[12345678901234567,-1,true,null]");
}

TEST(JsonBounded, Strings)
{
	std::string all;
	for (int byte = 0; byte < 256; byte++)
		all += static_cast<char>(byte);
	std::string text;
	append_json_string(text, all);
	EXPECT_TRUE(jsonb_accepts(text)) << text;
	std::string printable = json::parse(text).get<std::string>().substr(3, 125);
	EXPECT_EQ(printable, all.substr(1, 125));
}

TEST(JsonBounded, MembersAndTexts)
{
	json tree = json::parse(R"({"s":"x","i":-7,"u":18446744073709551615,"f":1.0,"n":null,"o":{}})");
	EXPECT_EQ(text_of(member(tree, "s")), "x");
	EXPECT_EQ(text_of(member(tree, "i")), "-7");
	EXPECT_EQ(text_of(member(tree, "u")), "18446744073709551615");
	for (const char *name : {"f", "n", "o", "missing"})
		EXPECT_EQ(text_of(member(tree, name)), "") << name;
	EXPECT_EQ(member(json::array(), "s"), nullptr);
	EXPECT_EQ(member(json("text"), "s"), nullptr);
}

} // namespace
} // namespace whatsapp
