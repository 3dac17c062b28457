/*
 * json_lenient_test.cpp — what is wrong in one place leaves the rest readable.
 */
#include "core/base/json_lenient.hpp"

#include "core/base/json_bounded.hpp"

#include <string>

#include "core/base/json_tree.hpp"

#include <gtest/gtest.h>

#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

const std::string mark = "\xEF\xBF\xBD";

TEST(JsonLenient, MendsCharactersAndNumbers)
{
	EXPECT_EQ(mend_json(R"(["a\ud83d"])"), R"(["a)" + mark + R"("])");
	EXPECT_EQ(mend_json(R"(["\ude00b"])"), R"([")" + mark + R"(b"])");
	EXPECT_EQ(mend_json(R"(["\ud83d\ud83d\ude00"])"), R"([")" + mark + R"(\ud83d\ude00"])");
	EXPECT_EQ(mend_json(R"(["\ud83d\n"])"), R"([")" + mark + R"(\n"])");
	EXPECT_EQ(mend_json(R"(["\u0000"])"), R"([")" + mark + R"("])");
	EXPECT_EQ(mend_json("[\"\xE9t\xE9\"]"), "[\"" + mark + "t" + mark + "\"]");
	EXPECT_EQ(mend_json(std::string("[\"a\0b\"]", 7)), "[\"a" + mark + "b\"]");
	EXPECT_EQ(mend_json(std::string("[1]\0", 4)), "[1] ");
	EXPECT_EQ(mend_json("[\"a\nb\"]"), "[\"a b\"]");
	EXPECT_EQ(mend_json("[1e200000,-1e999,1.5]"), R"(["1e200000","-1e999",1.5])");
}

TEST(JsonLenient, LeavesWhatIsRightAndWhatIsNoJson)
{
	for (const char *text :
	     {"", "[", "\"", "\"\\", "\"\\u12", "<html>", "{\"a\":", "-", "[1,2e5,-0.5e-3]",
	      R"({"a\\":"\"\ud83d\ude00\u00e9","b":[true,null]})", R"(["\\u0000\\ud83d"])"})
		EXPECT_EQ(mend_json(text), text);
}

TEST(JsonLenient, ReadsTheRestOfWhatIsTooMuch)
{
	json tree;
	const std::string deep = std::string(100000, '[') + std::string(100000, ']');
	ASSERT_TRUE(parse_lenient(R"({"x":)" + deep + R"(,"code":7})", tree));
	EXPECT_EQ(tree["code"], 7);
	EXPECT_TRUE(jsonb_accepts(to_jsonb_text(tree)));

	std::string wide = R"({"code":7,"x":[)";
	/* as long as an answer may be; what looks back for each of them is not done in an hour */
	for (int i = 0; i < 340000; i++)
		wide += "{},";
	wide += R"(0],"y":1})";
	ASSERT_TRUE(parse_lenient(wide, tree));
	EXPECT_EQ(tree["code"], 7);
	EXPECT_TRUE(jsonb_accepts(to_jsonb_text(tree)));

	ASSERT_TRUE(parse_lenient(R"({"x":")" + std::string(70000, 'a') + R"(","code":7})", tree));
	EXPECT_EQ(tree["code"], 7);
	EXPECT_EQ(tree["x"].get<std::string>().size(), max_json_string_bytes);

	ASSERT_TRUE(parse_lenient(R"({")" + std::string(300, 'k') + R"(":{"a":[1]},"code":7})", tree));
	EXPECT_EQ(tree, json::parse(R"({"code":7})"));
	const std::string long_key(300, 'k');
	ASSERT_TRUE(parse_lenient(
	    R"([{"a":1,")" + long_key + R"(":2},3,{"b":[4,{")" + long_key + R"(":5}],"c":6}])", tree));
	EXPECT_EQ(tree, json::parse(R"([{"a":1},3,{"b":[4,{}],"c":6}])"));
	ASSERT_TRUE(parse_lenient(R"([[],{},"a",true,null,-1,2,0.5,{"a":1,"a":{"b":[]}}])", tree));
	EXPECT_EQ(tree, json::parse(R"([[],{},"a",true,null,-1,2,0.5,{"a":{"b":[]}}])"));
	for (const char *text : {"7", "\"a\"", "null", "[]", "{}"}) {
		ASSERT_TRUE(parse_lenient(text, tree)) << text;
		EXPECT_EQ(tree, json::parse(text));
	}
}

TEST(JsonLenient, RefusesWhatIsNoJson)
{
	json tree = 1;
	for (const char *text : {"", "[", "{\"a\"}", "<html>", "nul", "[1]2", "\"a", "[\"\\x\"]"})
		EXPECT_FALSE(parse_lenient(text, tree)) << text;
	EXPECT_EQ(tree, 1);
}

} // namespace
} // namespace whatsapp
