/* Several values as the text of one parameter: whole ones, and how many are left out. */
#include "core/message/value_list.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{

TEST(ValueList, JoinsAllThatFits)
{
	EXPECT_EQ(join_values({"PO-1"}, 1, ", ", "en"), "PO-1");
	EXPECT_EQ(join_values({"PO-1", "PO-2", "PO-3"}, 3, "; ", "en"), "PO-1; PO-2; PO-3");
	/* exactly as long as is possible, counted in characters */
	EXPECT_EQ(join_values({"áé", "íó"}, 2, ", ", "en", 6), "áé, íó");
}

TEST(ValueList, TellsHowManyAreLeftOut)
{
	EXPECT_EQ(join_values({"PO-1", "PO-2", "PO-3", "PO-4"}, 4, ", ", "en_US", 22),
	          "PO-1, PO-2, PO-3, PO-4");
	EXPECT_EQ(join_values({"PO-1", "PO-2", "PO-3", "PO-4"}, 4, ", ", "en_US", 21),
	          "PO-1 … and 3 more");
	EXPECT_EQ(join_values({"PO-1", "PO-2", "PO-3", "PO-4"}, 100, ", ", "es", 30),
	          "PO-1, PO-2, PO-3 … y 97 más");
	EXPECT_EQ(join_values({"PO-1", "PO-2"}, 100, ", ", "ja", 20), "PO-1, PO-2 … +98");
	EXPECT_EQ(join_values({"PO-1", "PO-2"}, 100, ", ", "est", 20), "PO-1, PO-2 … +98");
}

TEST(ValueList, SharesTheRoomOfAMessage)
{
	EXPECT_EQ(room_for_list({}, 1), longest_value_list);
	EXPECT_EQ(room_for_list({"áé", "abc"}, 1), longest_value_list - 5);
	EXPECT_EQ(room_for_list({}, 2), longest_value_list / 2);
	EXPECT_EQ(room_for_list({std::string(2000, 'x')}, 3), 60U);
}

TEST(ValueList, CutsNoValue)
{
	const std::string longest(40, 'x');
	EXPECT_EQ(join_values({longest}, 1, ", ", "en", 10), longest);
	EXPECT_EQ(join_values({longest, "b"}, 2, ", ", "en", 10), longest + " … and 1 more");
	EXPECT_EQ(join_values({"a", longest}, 2, ", ", "en", 18), "a … and 1 more");
}

TEST(ValueList, KeepsToItsLimitWhateverTheValues)
{
	std::vector<std::string> orders;
	std::vector<std::string_view> values;
	for (int i = 0; i < 1000; i++)
		orders.push_back("PO-2026-" + std::to_string(i));
	for (const std::string &order : orders)
		values.push_back(order);
	const std::string list = join_values(values, 12345, ", ", "en");
	EXPECT_LE(list.size(), longest_value_list + 2);
	EXPECT_GT(list.size(), longest_value_list - 30);
	EXPECT_NE(list.find(" … and "), std::string::npos);
}

} // namespace whatsapp
