/*
 * template_message_test.cpp — components of every kind are the JSON of the Cloud API reference, and
 * what does not fit is refused with its component and place.
 */
#include "core/message/template_message.hpp"

#include "core/base/json_tree.hpp"

#include "core/message/free_form.hpp"
#include "core/message/message.hpp"
#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

TemplateMessage
order_ready()
{
	TemplateMessage message;
	message.name = "order_ready";
	message.language = "es";
	return message;
}

json
components_of(const TemplateMessage &message)
{
	const json payload = json::parse(template_message_payload(message));
	EXPECT_EQ(payload["type"], "template");
	EXPECT_EQ(payload["template"]["name"], "order_ready");
	EXPECT_EQ(payload["template"]["language"], json({{"code", "es"}}));
	return payload["template"].value("components", json());
}

TEST(TemplateMessage, BodyAsTheShortFormMakesIt)
{
	TemplateMessage message = order_ready();
	EXPECT_EQ(json::parse(template_message_payload(message)),
	          json::parse(template_payload("order_ready", "es", {})));
	message.parameters = {"Ana", "A-1029"};
	EXPECT_EQ(json::parse(template_message_payload(message)),
	          json::parse(template_payload("order_ready", "es", {"Ana", "A-1029"})));
}

TEST(TemplateMessage, NamedParameters)
{
	TemplateMessage message = order_ready();
	message.named = {{"cliente", "Ana"}, {"total", "12.50"}};
	EXPECT_EQ(components_of(message), json::parse(R"([{"type":"body","parameters":[
	    {"type":"text","parameter_name":"cliente","text":"Ana"},
	    {"type":"text","parameter_name":"total","text":"12.50"}]}])"));
}

TEST(TemplateMessage, Headers)
{
	struct Case {
		const char *given;
		const char *parameter;
	};
	const Case cases[] = {
	    {R"("Pedido A-1")", R"({"type":"text","text":"Pedido A-1"})"},
	    {R"({"text":{"pedido":"A-1"}})",
	     R"({"type":"text","parameter_name":"pedido","text":"A-1"})"},
	    {R"({"document":{"id":"1234","filename":"f.pdf"}})",
	     R"({"type":"document","document":{"id":"1234","filename":"f.pdf"}})"},
	    {R"({"image":{"link":"https://example.org/a.png"}})",
	     R"({"type":"image","image":{"link":"https://example.org/a.png"}})"},
	    {R"({"video":{"id":"1"}})", R"({"type":"video","video":{"id":"1"}})"},
	    {R"({"location":{"latitude":40.4,"longitude":-3.7,"name":"A","address":"B"}})",
	     R"({"type":"location","location":{"latitude":40.4,"longitude":-3.7,"name":"A","address":"B"}})"},
	    {R"({"product":{"product_retailer_id":"a 1","catalog_id":"1"}})",
	     R"({"type":"product","product":{"product_retailer_id":"a 1","catalog_id":"1"}})"},
	};
	for (const Case &test : cases) {
		TemplateMessage message = order_ready();
		message.header = test.given;
		EXPECT_EQ(components_of(message),
		          json::array({{{"type", "header"},
		                        {"parameters", json::array({json::parse(test.parameter)})}}}))
		    << test.given;
	}
}

TEST(TemplateMessage, Buttons)
{
	TemplateMessage message = order_ready();
	message.buttons = R"([{"url":"A-1029"},null,{"payload":"yes"},{"coupon_code":"SAVE20"},
	    {"flow":{"flow_token":"t","flow_action_data":{"a":1}}},{"catalog":{"thumbnail_product_retailer_id":"a"}},
	    {"mpm":{"thumbnail_product_retailer_id":"a","sections":[{"title":"A","product_items":[{"product_retailer_id":"a"}]}]}}])";
	EXPECT_EQ(components_of(message), json::parse(R"([
	    {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"A-1029"}]},
	    {"type":"button","sub_type":"quick_reply","index":"2","parameters":[{"type":"payload","payload":"yes"}]},
	    {"type":"button","sub_type":"copy_code","index":"3","parameters":[{"type":"coupon_code","coupon_code":"SAVE20"}]},
	    {"type":"button","sub_type":"flow","index":"4","parameters":[{"type":"action","action":{"flow_token":"t","flow_action_data":{"a":1}}}]},
	    {"type":"button","sub_type":"catalog","index":"5","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"a"}}]},
	    {"type":"button","sub_type":"mpm","index":"6","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"a",
	     "sections":[{"title":"A","product_items":[{"product_retailer_id":"a"}]}]}}]}])"));
}

TEST(TemplateMessage, OneTimeCodeStandsInBothPlaces)
{
	TemplateMessage message = order_ready();
	message.code = "123456";
	EXPECT_EQ(components_of(message), json::parse(R"([
	    {"type":"body","parameters":[{"type":"text","text":"123456"}]},
	    {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}])"));
	message.code = "1234567890123456";
	EXPECT_EQ(sqlstate_of([&] { template_message_payload(message); }), "22001");
	for (const char *code : {"12\xF0\x9F\x94\x91", "\xE2\x9C\x93 12", "http://a.de"}) {
		message.code = code;
		EXPECT_EQ(fault_of([&] { template_message_payload(message); }).message(),
		          "code has an address or an emoji")
		    << code;
	}
}

TEST(TemplateMessage, OfferCarouselAndMore)
{
	TemplateMessage message = order_ready();
	message.offer_ends_ms = 1800000000000;
	message.cards = R"([{"header":{"image":{"id":"1"}},"parameters":["A"],"buttons":[{"url":"a"}]},
	                    {"header":{"image":{"id":"2"}},"named":{"b":"B"}}])";
	message.components =
	    R"([{"type":"TAP_TARGET_CONFIGURATION","parameters":[{"type":"tap_target_configuration",
	    "tap_target_configuration":[{"url":"https://example.org","title":"T"}]}]}])";
	message.reply_to = "wamid.1";
	const json payload = json::parse(template_message_payload(message));
	EXPECT_EQ(payload["context"], json({{"message_id", "wamid.1"}}));
	EXPECT_EQ(payload["template"]["components"], json::parse(R"([
	    {"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1800000000000}}]},
	    {"type":"carousel","cards":[
	     {"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},
	      {"type":"body","parameters":[{"type":"text","text":"A"}]},
	      {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"a"}]}]},
	     {"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"2"}}]},
	      {"type":"body","parameters":[{"type":"text","parameter_name":"b","text":"B"}]}]}]},
	    {"type":"TAP_TARGET_CONFIGURATION","parameters":[{"type":"tap_target_configuration",
	     "tap_target_configuration":[{"url":"https://example.org","title":"T"}]}]}])"));
}

TEST(TemplateMessage, RefusalsNameComponentAndPlace)
{
	struct Case {
		void (*change)(TemplateMessage &message);
		const char *sqlstate;
		const char *message;
	};
	const Case cases[] = {
	    {[](TemplateMessage &m) { m.name = "Order"; }, "WA001", "invalid template name \"Order\""},
	    {[](TemplateMessage &m) { m.language = "spanish"; }, "WA002",
	     "invalid language code \"spanish\""},
	    {[](TemplateMessage &m) {
		     m.parameters = {"a", ""};
	     },
	     "WA003", "value of \"parameter 2\" is empty"},
	    {[](TemplateMessage &m) { m.parameters = {"a\nb"}; }, "WA004",
	     "value of \"parameter 1\" contains a newline"},
	    {[](TemplateMessage &m) { m.parameters = {"\xC3"}; }, "22023",
	     "value of \"parameter 1\" is not valid UTF-8"},
	    {[](TemplateMessage &m) { m.parameters = std::vector<std::string>(101, "a"); }, "WA005",
	     "too many template parameters"},
	    {[](TemplateMessage &m) {
		     m.named = {{"a", "x\ty"}};
	     },
	     "WA004", "value of \"a\" contains a tab"},
	    {[](TemplateMessage &m) {
		     m.named = {{"a", "b"}};
		     m.parameters = {"a"};
	     },
	     "WA005", "message has parameters of more than one kind"},
	    {[](TemplateMessage &m) { m.cards = R"([{"named":{"a":1}}])"; }, "WA014",
	     "card 0.named parameter \"a\" is not a text"},
	    {[](TemplateMessage &m) { m.header = R"({"audio":{"id":"1"}})"; }, "WA014",
	     "header cannot have type \"audio\""},
	    {[](TemplateMessage &m) { m.header = R"({"image":{}})"; }, "WA014",
	     "header image needs either an id or a link"},
	    {[](TemplateMessage &m) { m.header = "{}"; }, "WA014", "header needs one member"},
	    {[](TemplateMessage &m) {
		     m.buttons = R"([null,{"coupon_code":"123456789012345678901"}])";
	     },
	     "22001", "button 1.coupon_code is too long"},
	    {[](TemplateMessage &m) { m.buttons = R"([{"voice_call":"soon"}])"; }, "WA014",
	     "button 0 has no number of minutes"},
	    {[](TemplateMessage &m) {
		     m.components =
		         R"([{"type":"button","sub_type":"voice_call","parameters":[{"type":"text","text":"a"}]}])";
	     },
	     "WA014", "button cannot have type \"text\""},
	    {[](TemplateMessage &m) { m.buttons = R"([{"link":"a"}])"; }, "WA014",
	     "buttons[0] is not understood"},
	    {[](TemplateMessage &m) { m.buttons = R"([{"url":"a b\n"}])"; }, "WA004",
	     "value of \"button 0\" contains a newline"},
	    {[](TemplateMessage &m) { m.buttons = R"([1,2,3,4,5,6,7,8,9,10,11])"; }, "WA014",
	     "buttons has too many elements"},
	    {[](TemplateMessage &m) { m.offer_ends_ms = 0; }, "WA014",
	     "limited_time_offer has no time at which it ends"},
	    {[](TemplateMessage &m) { m.cards = R"([{"parameters":["a"]},{"parameters":["a",""]}])"; },
	     "WA003", "value of \"card 1 body parameter 2\" is empty"},
	    {[](TemplateMessage &m) { m.cards = R"([{"body":["a"]}])"; }, "WA014",
	     "card 0 has an unknown member \"body\""},
	    {[](TemplateMessage &m) {
		     m.parameters = {"a"};
		     m.components = R"([{"type":"body","parameters":[]}])";
	     },
	     "WA014", "body is given twice"},
	    {[](TemplateMessage &m) { m.components = R"([{"type":"footer","parameters":[]}])"; },
	     "WA014", "component type \"footer\" does not exist"},
	    {[](TemplateMessage &m) {
		     m.components = R"([{"type":"button","sub_type":"call","index":0}])";
	     },
	     "WA014", "button has the unknown sub_type \"call\""},
	    {[](TemplateMessage &m) { m.components = R"([{"type":"button","sub_type":"url"}])"; },
	     "WA014", "button lacks an index"},
	    {[](TemplateMessage &m) {
		     m.components = R"([{"type":"body","parameters":[{"type":"text","text":"a"},
		                        {"type":"text","text":"b","parameter_name":"b"}]}])";
	     },
	     "WA005", "body mixes named and positional parameters"},
	    {[](TemplateMessage &m) { m.reply_to = "a b"; }, "WA014",
	     "reply_to is not the id of a message"},
	};
	for (const Case &test : cases) {
		TemplateMessage message = order_ready();
		test.change(message);
		const Fault fault = fault_of([&] { template_message_payload(message); });
		EXPECT_EQ(fault.message(), test.message);
		EXPECT_STREQ(fault.sqlstate(), test.sqlstate) << test.message;
	}
}

TEST(TemplateMessage, CurrencyAndDateShowTheirFallback)
{
	EXPECT_NO_THROW(content_payload(
	    "template", R"({"name":"a","language":{"code":"es","policy":"deterministic"},"components":[
	    {"type":"BODY","parameters":[{"type":"currency","currency":{"fallback_value":"$1","code":"USD","amount_1000":1000}},
	     {"type":"date_time","date_time":{"fallback_value":"January 1"}}]}]})",
	    {}));
	EXPECT_EQ(sqlstate_of([] {
		          content_payload("template", R"({"name":"a","language":{"code":"es"},"components":[
	    {"type":"body","parameters":[{"type":"currency","currency":{"code":"USD"}}]}]})",
		                          {});
	          }),
	          "WA014");
}

} // namespace
} // namespace whatsapp
