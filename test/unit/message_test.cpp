/*
 * message_test.cpp — request bodies are the JSON that the API documents, whatever the texts hold.
 */
#include "core/message/message.hpp"

#include <limits>

#include "core/base/json_tree.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;
using Texts = std::vector<std::string>;

TEST(Message, TemplatePayload)
{
	EXPECT_EQ(template_payload("order_ready", "es", {"Ana", "A-1029"}),
	          R"({"type":"template","template":{"name":"order_ready","language":{"code":"es"},)"
	          R"("components":[{"type":"body","parameters":[{"type":"text","text":"Ana"},)"
	          R"({"type":"text","text":"A-1029"}]}]}})");
	EXPECT_EQ(
	    template_payload("hello_world", "en_US", {}),
	    R"({"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}})");
}

TEST(Message, AllParametersTogetherHaveALimit)
{
	const std::string half(16384, 'x');
	std::string wide;
	for (int i = 0; i < 16384; i++)
		wide += "\xF0\x9F\x98\x80";
	EXPECT_NO_THROW(template_payload("a", "es", Texts{half, half}));
	EXPECT_NO_THROW(template_payload("a", "es", Texts{wide, wide}));
	EXPECT_EQ(sqlstate_of([&] { template_payload("a", "es", Texts{half, half, "x"}); }), "22001");
	EXPECT_EQ(sqlstate_of([&] { template_payload("a", "es", Texts{half, wide, "x"}); }), "22001");
}

TEST(Message, TextsAreEscaped)
{
	Texts hostile = {R"(","text":"x"}]}]}})",
	                 R"(back\slash)",
	                 "\xF0\x9F\x98\x80 \xC3\xB1",
	                 "</script>",
	                 "{{1}}",
	                 "\xE2\x80\x8B"
	                 "x"};
	json payload = json::parse(template_payload("a", "es", hostile));
	const json &parameters = payload["template"]["components"][0]["parameters"];
	ASSERT_EQ(parameters.size(), hostile.size());
	for (std::size_t i = 0; i < hostile.size(); i++)
		EXPECT_EQ(parameters[i]["text"].get<std::string>(), hostile[i]);
}

TEST(Message, PayloadFaults)
{
	EXPECT_EQ(sqlstate_of([] { template_payload("A", "es", {}); }), "WA001");
	EXPECT_EQ(sqlstate_of([] { template_payload("a", "Spanish", {}); }), "WA002");
	EXPECT_EQ(sqlstate_of([] { template_payload("a", "es", Texts(101, "x")); }), "WA005");
	EXPECT_EQ(fault_of([] {
		          template_payload("a", "es", {"x", ""}, {"supplier"});
	          }).message(),
	          "value of \"parameter 2\" is empty");
	EXPECT_EQ(fault_of([] { template_payload("a", "es", {""}, {"supplier"}); }).message(),
	          "value of \"supplier\" is empty");
	EXPECT_EQ(fault_of([] { template_payload("a", "es", {"\n"}, {""}); }).message(),
	          "value of \"parameter 1\" contains a newline");
}

TEST(Message, RequestBody)
{
	EXPECT_EQ(
	    request_body("+34600111222", "n.1", R"({"type":"text","text":{"body":"x"}})"),
	    R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+34600111222",)"
	    R"("biz_opaque_callback_data":"n.1","type":"text","text":{"body":"x"}})");
	EXPECT_EQ(
	    request_body("+34600111222", "", "{}"),
	    R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+34600111222"})");
	for (const char *payload :
	     {" {\"type\": \"text\", \"text\": {\"body\": \"}\"}} ", "{ \n}\n", "\t{\"a\":1}"})
		EXPECT_TRUE(json::accept(request_body("+34600111222", "n.1", payload))) << payload;
}

TEST(Message, RequestBodyEscapes)
{
	json body = json::parse(request_body("+34\"\\\n", std::string("a\0\xFF\x01", 4), "{}"));
	EXPECT_EQ(body["to"], "+34\"\\\n");
	EXPECT_EQ(body["biz_opaque_callback_data"], "a\xEF\xBF\xBD\xEF\xBF\xBD\x01");
}

TEST(Message, RequestBodyFaults)
{
	for (const char *payload : {"", " ", "{", "}", "[]", "null", "\"x\"", "{}x"})
		EXPECT_EQ(sqlstate_of([&] { request_body("+34600111222", "n.1", payload); }), "22032");
	EXPECT_NO_THROW(request_body("+34600111222", std::string(512, 'n'), "{}"));
	EXPECT_EQ(sqlstate_of([] { request_body("+34600111222", std::string(513, 'n'), "{}"); }),
	          "22001");
}

TEST(Message, CallbackDataRoundTrip)
{
	constexpr long long most = std::numeric_limits<long long>::max();
	constexpr long long least = std::numeric_limits<long long>::min();
	for (long long id : {1LL, 0LL, 918273LL, -5LL, most, least})
		for (long long made_at : {0LL, 845566677788899LL, -1LL, most, least})
			for (const char *nonce : {"n", "0f3a9c", "a.b", "."}) {
				Correlation read;
				std::string data = callback_data({nonce, id, made_at});
				ASSERT_TRUE(parse_callback_data(data, read)) << data;
				EXPECT_EQ(read.nonce, nonce);
				EXPECT_EQ(read.id, id);
				EXPECT_EQ(read.made_at, made_at);
			}
}

TEST(Message, ForeignCallbackData)
{
	Correlation read = {"kept", 42, 43};
	for (std::string_view text : {"",
	                              ".",
	                              "n.",
	                              ".1.1",
	                              "n",
	                              "q:918273",
	                              "n.1",
	                              "n.1.",
	                              "n..1",
	                              "n.01.1",
	                              "n.1.01",
	                              "n.-0.1",
	                              "n.1.-0",
	                              "n.+1.1",
	                              "n.1.1 ",
	                              "n. 1.1",
	                              "n.1x.1",
	                              "n.1.9223372036854775808",
	                              "n.9223372036854775808.1",
	                              "n.-.1",
	                              "n.--1.1",
	                              "n.1e3.1",
	                              "n.-01.1"})
		EXPECT_FALSE(parse_callback_data(text, read)) << text;
	EXPECT_EQ(read.nonce, "kept");
	EXPECT_EQ(read.id, 42);
	EXPECT_EQ(read.made_at, 43);
}

} // namespace
} // namespace whatsapp
