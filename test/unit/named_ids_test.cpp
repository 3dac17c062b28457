/*
 * named_ids_test.cpp — ids are found in what Meta sends, and anything else is only looked at.
 */
#include "core/webhook/named_ids.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

std::vector<std::string>
ids_of(const std::string &body)
{
	const NamedIds named = find_named_ids(body);
	return {named.ids, named.ids + named.count};
}

using Ids = std::vector<std::string>;

TEST(NamedIds, OfADelivery)
{
	EXPECT_EQ(
	    ids_of(
	        R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"metadata":{"display_phone_number":"34911222333","phone_number_id":"106540352242922"},"statuses":[{"id":"wamid.HBgL","recipient_id":"34600111222"}]},"field":"messages"}]}]})"),
	    (Ids{"102290129340398", "106540352242922"}));
	EXPECT_EQ(ids_of("{ \"phone_number_id\" :\n \"12\", \"id\"\t: \"34\" }"), (Ids{"12", "34"}));
	EXPECT_EQ(ids_of(R"({"id":"1","id":"2","phone_number_id":"1"})"), (Ids{"1", "2"}));
}

TEST(NamedIds, OfWhatIsNone)
{
	for (const char *odd :
	     {"", "id\"", "\"id\"", "\"id\":", "\"id\":\"", "\"id\":\"1", "\"id\":1", "\"id\":\"\"",
	      "\"id\":\"1a\"", "\"wa_id\":\"34600111222\"", "\"recipient_id\":\"34\"", "\"id\" \"1\""})
		EXPECT_EQ(ids_of(odd), Ids{}) << odd;
	EXPECT_EQ(ids_of("\"id\":\"" + std::string(33, '1') + "\""), Ids{});
	EXPECT_EQ(ids_of("\"id\":\"" + std::string(32, '1') + "\"").size(), 1U);
	EXPECT_EQ(ids_of(std::string(70000, ' ') + "\"id\":\"1\""), Ids{});
	std::string many;
	for (int i = 0; i < 100; i++)
		many += "\"id\":\"" + std::to_string(i) + "\",";
	EXPECT_EQ(ids_of(many).size(), NamedIds::max_count);
}

} // namespace
} // namespace whatsapp
