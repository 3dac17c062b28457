/*
 * free_form_test.cpp — each type's object is the one of the Cloud API reference, and what the
 * platform would refuse is refused with the member and the limit.
 */
#include "core/message/free_form.hpp"

#include "core/base/json_tree.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

constexpr char replied_to[] = "wamid.HBgLMzQ2MDAxMTEyMjI=";

std::string
characters(std::size_t count)
{
	std::string text;
	for (std::size_t i = 0; i < count; i++)
		text += "\xC3\xB1"; /* two bytes: a limit counts characters */
	return text;
}

TEST(FreeForm, Text)
{
	EXPECT_EQ(json::parse(text_payload({"Hola", false}, {})),
	          json::parse(R"({"type":"text","text":{"body":"Hola"}})"));
	EXPECT_EQ(
	    json::parse(text_payload({"See https://example.org", true}, replied_to)),
	    json::parse(R"({"type":"text","text":{"body":"See https://example.org","preview_url":true},
	                          "context":{"message_id":"wamid.HBgLMzQ2MDAxMTEyMjI="}})"));
	EXPECT_NO_THROW(text_payload({characters(4096)}, {}));
	EXPECT_EQ(sqlstate_of([] { text_payload({characters(4097)}, {}); }), "22001");
	EXPECT_EQ(fault_of([] { text_payload({characters(4097)}, {}); }).detail(),
	          "It has 4097 characters, and the platform takes 4096.");
	EXPECT_EQ(sqlstate_of([] { text_payload({""}, {}); }), "WA014");
	EXPECT_EQ(sqlstate_of([] { text_payload({" \n\t"}, {}); }), "WA014");
	EXPECT_EQ(sqlstate_of([] { text_payload({"\xC3"}, {}); }), "22023");
	EXPECT_EQ(sqlstate_of([] { text_payload({"x"}, "two words"); }), "WA014");
}

TEST(FreeForm, Media)
{
	MediaMessage image = {"image", "https://example.org/a.png", "", "A caption"};
	EXPECT_EQ(
	    json::parse(media_payload(image, {})),
	    json::parse(
	        R"({"type":"image","image":{"link":"https://example.org/a.png","caption":"A caption"}})"));
	MediaMessage document = {"document", "", "1234567890", "", "order.pdf"};
	EXPECT_EQ(
	    json::parse(media_payload(document, replied_to)),
	    json::parse(R"({"type":"document","document":{"id":"1234567890","filename":"order.pdf"},
	                          "context":{"message_id":"wamid.HBgLMzQ2MDAxMTEyMjI="}})"));
	MediaMessage audio = {"audio", "", "1", "", "", true};
	EXPECT_EQ(json::parse(media_payload(audio, {})),
	          json::parse(R"({"type":"audio","audio":{"id":"1","voice":true}})"));
	MediaMessage sticker = {"sticker", "", "9"};
	EXPECT_EQ(json::parse(media_payload(sticker, {})),
	          json::parse(R"({"type":"sticker","sticker":{"id":"9"}})"));
	MediaMessage video = {"video", "https://example.org/v.mp4"};
	EXPECT_EQ(json::parse(media_payload(video, {})),
	          json::parse(R"({"type":"video","video":{"link":"https://example.org/v.mp4"}})"));

	const MediaMessage refused[] = {
	    {"picture", "https://example.org/a.png"},    /* no such type */
	    {"image"},                                   /* neither */
	    {"image", "https://example.org/a.png", "1"}, /* both */
	    {"image", "http://example.org/a.png"},       /* Meta fetches https only */
	    {"image", "https://example.org/a b.png"},    /* white space */
	    {"audio", "", "1", "a caption"},             /* of audio there is none */
	    {"image", "", "1", "", "a.png"},             /* nor a name of an image */
	    {"image", "", "1", "", "", true},            /* nor a voice */
	};
	for (const MediaMessage &message : refused)
		EXPECT_EQ(sqlstate_of([&] { media_payload(message, {}); }), "WA014")
		    << message.kind << message.link;
	const std::string caption = characters(1025);
	EXPECT_EQ(sqlstate_of([&] { media_payload({"image", "", "1", caption}, {}); }), "22001");
	EXPECT_EQ(fault_of([&] {
		          media_payload({"image", "", "1", caption}, {});
	          }).message(),
	          "image.caption is too long");
}

TEST(FreeForm, Location)
{
	EXPECT_EQ(json::parse(location_payload({40.4168, -3.7038, "Almacén", "Calle 1"}, {})),
	          json::parse(R"({"type":"location","location":{"latitude":40.4168,"longitude":-3.7038,
	                          "name":"Almacén","address":"Calle 1"}})"));
	EXPECT_EQ(sqlstate_of([] { location_payload({90.5, 0, "", ""}, {}); }), "WA014");
	EXPECT_EQ(sqlstate_of([] { location_payload({0, -180.5, "", ""}, {}); }), "WA014");
	EXPECT_EQ(sqlstate_of([] { location_payload({0.0 / 0.0, 0, "", ""}, {}); }), "WA014");
	EXPECT_NO_THROW(content_payload("location", R"({"latitude":"40.4","longitude":"-3.7"})", {}));
	EXPECT_EQ(
	    sqlstate_of([] { content_payload("location", R"({"latitude":"x","longitude":1})", {}); }),
	    "22032");
}

TEST(FreeForm, Reaction)
{
	EXPECT_EQ(
	    json::parse(reaction_payload({replied_to, "\xF0\x9F\x91\x8D"})),
	    json::parse(
	        "{\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.HBgLMzQ2MDAxMTEyMjI=\","
	        "\"emoji\":\"\xF0\x9F\x91\x8D\"}}"));
	EXPECT_EQ(json::parse(reaction_payload({replied_to, ""}))["reaction"]["emoji"], "");
	EXPECT_EQ(sqlstate_of([] { reaction_payload({"", "x"}); }), "WA014");
	EXPECT_EQ(sqlstate_of([] {
		          reaction_payload({replied_to, "this is no emoji, it is a text"});
	          }),
	          "22001");
}

TEST(FreeForm, Contacts)
{
	constexpr char card[] = R"([{"name":{"formatted_name":"Ana Gil","first_name":"Ana","prefix":""},
	    "phones":[{"phone":"+34600111222","type":"Mobile","wa_id":"34600111222"}],
	    "emails":[{"email":"ana@example.org","type":"Work"}],
	    "addresses":[{"country":"España","country_code":"ES","type":"Work"}],
	    "org":{"company":"ABC"},"birthday":"1990-01-31"}])";
	EXPECT_EQ(json::parse(contacts_payload(card, {})),
	          (json{{"type", "contacts"}, {"contacts", json::parse(card)}}));

	struct Case {
		const char *contacts;
		const char *message;
	};
	const Case cases[] = {
	    {"[]", "contacts has too few elements"},
	    {"{}", "contacts is not a list"},
	    {R"([{"name":{"first_name":"Ana"}}])", "contacts[0].name lacks \"formatted_name\""},
	    {R"([{"name":{"formatted_name":"Ana"}}])", "contacts[0].name has only a formatted name"},
	    {R"([{"phones":[]}])", "contacts[0] lacks \"name\""},
	    {R"([{"name":{"formatted_name":"A","first_name":"A"},"phone":"+34"}])",
	     "contacts[0] has an unknown member \"phone\""},
	    {R"([{"name":{"formatted_name":"A","first_name":"A"},"birthday":"31.1.1990"}])",
	     "contacts[0].birthday is not a date"},
	};
	for (const Case &test : cases)
		EXPECT_EQ(fault_of([&] { contacts_payload(test.contacts, {}); }).message(), test.message);
	std::string many = "[";
	for (int i = 0; i < 258; i++)
		many +=
		    std::string(i == 0 ? "" : ",") + R"({"name":{"formatted_name":"A","first_name":"A"}})";
	EXPECT_EQ(fault_of([&] { contacts_payload(many + "]", {}); }).message(),
	          "contacts has too many elements");
	EXPECT_EQ(sqlstate_of([] { contacts_payload("[", {}); }), "22032");
}

/* One accepted body for each type of the reference. */
TEST(FreeForm, InteractiveTypes)
{
	const char *bodies[] = {
	    R"({"type":"button","header":{"type":"image","image":{"id":"1"}},"body":{"text":"Accept?"},"footer":{"text":"ABC"},
	        "action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}},{"type":"reply","reply":{"id":"n","title":"No"}}]}})",
	    R"({"type":"list","header":{"type":"text","text":"Head"},"body":{"text":"Choose"},
	        "action":{"button":"Open","sections":[{"title":"A","rows":[{"id":"1","title":"One","description":"First"}]},
	        {"title":"B","rows":[{"id":"2","title":"Two"}]}]}})",
	    R"({"type":"cta_url","body":{"text":"See"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.org"}}})",
	    R"({"type":"flow","body":{"text":"Fill in"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_id":"1",
	        "flow_cta":"Begin","mode":"published","flow_token":"t","flow_action":"navigate","flow_action_payload":{"screen":"A"}}}})",
	    R"({"type":"location_request_message","body":{"text":"Where?"},"action":{"name":"send_location"}})",
	    R"({"type":"address_message","body":{"text":"Where?"},"action":{"name":"address_message","parameters":{"country":"IN"}}})",
	    R"({"type":"product","action":{"catalog_id":"1","product_retailer_id":"pan de molde 1"}})",
	    R"({"type":"product_list","header":{"type":"text","text":"Head"},"body":{"text":"Look"},
	        "action":{"catalog_id":"1","sections":[{"title":"A","product_items":[{"product_retailer_id":"a"}]}]}})",
	    R"({"type":"catalog_message","body":{"text":"Look"},"action":{"name":"catalog_message"}})",
	    R"({"type":"carousel","body":{"text":"Look"},"action":{"cards":[
	        {"card_index":0,"type":"cta_url","header":{"type":"image","image":{"link":"https://example.org/a.png"}},
	         "action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.org/a"}}},
	        {"card_index":1,"type":"cta_url","header":{"type":"image","image":{"link":"https://example.org/b.png"}},"body":{"text":"B"},
	         "action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.org/b"}}}]}})",
	    R"({"type":"carousel","body":{"text":"Look"},"action":{"cards":[
	        {"card_index":0,"type":"product","action":{"catalog_id":"1","product_retailer_id":"a"}},
	        {"card_index":1,"type":"product","action":{"catalog_id":"1","product_retailer_id":"b"}}]}})",
	    R"({"type":"carousel","body":{"text":"Look"},"action":{"cards":[
	        {"card_index":0,"type":"cta_url","header":{"type":"video","video":{"id":"1"}},
	         "action":{"buttons":[{"type":"quick_reply","quick_reply":{"id":"a","title":"A"}}]}},
	        {"card_index":1,"type":"cta_url","header":{"type":"video","video":{"id":"2"}},
	         "action":{"buttons":[{"type":"quick_reply","quick_reply":{"id":"b","title":"B"}}]}}]}})",
	    R"({"type":"voice_call","body":{"text":"Call us"},"action":{"name":"voice_call","parameters":{"display_text":"Call"}}})",
	    R"({"type":"call_permission_request","body":{"text":"May we?"},"action":{"name":"call_permission_request"}})",
	    R"({"type":"call_permission_request","action":{"name":"call_permission_request"}})",
	    R"({"type":"request_contact_info","body":{"text":"Your number?"},"action":{"name":"request_contact_info"}})",
	};
	for (const char *body : bodies) {
		json payload;
		ASSERT_NO_THROW(payload = json::parse(interactive_payload(body, {}))) << body;
		EXPECT_EQ(payload, (json{{"type", "interactive"}, {"interactive", json::parse(body)}}));
	}
}

TEST(FreeForm, InteractiveLimits)
{
	const json button = json::parse(
	    R"({"type":"button","body":{"text":"?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}})");
	const json list = json::parse(
	    R"({"type":"list","body":{"text":"?"},"action":{"button":"Open","sections":[{"rows":[{"id":"1","title":"One"}]}]}})");
	const json carousel = json::parse(R"({"type":"carousel","body":{"text":"?"},"action":{"cards":[
	    {"card_index":0,"type":"product","action":{"catalog_id":"1","product_retailer_id":"a"}},
	    {"card_index":1,"type":"product","action":{"catalog_id":"1","product_retailer_id":"b"}}]}})");
	const json flow = json::parse(
	    R"({"type":"flow","body":{"text":"?"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_id":"1","flow_cta":"Begin"}}})");
	const json address = json::parse(
	    R"({"type":"address_message","body":{"text":"?"},"action":{"name":"address_message","parameters":{"country":"IN"}}})");
	const json call =
	    json::parse(R"({"type":"voice_call","body":{"text":"?"},"action":{"name":"voice_call"}})");
	const json permission = json::parse(
	    R"({"type":"call_permission_request","body":{"text":"?"},"action":{"name":"call_permission_request"}})");
	json eleven = json::array();
	for (int i = 0; i < 11; i++)
		eleven.push_back({{"id", std::to_string(i)}, {"title", "Row " + std::to_string(i)}});
	const json reply_button = {{"type", "reply"}, {"reply", {{"id", "y"}, {"title", "Yes"}}}};

	struct Case {
		const json &base;
		const char *pointer; /* what is changed */
		json value;
		const char *message;
	};
	const Case cases[] = {
	    {button, "/type", "buttons", "interactive type \"buttons\" does not exist"},
	    {button, "/body/text", characters(1025), "interactive.body.text is too long"},
	    {button, "/body/text", "", "interactive.body.text is empty"},
	    {button, "/body/text", 1, "interactive.body.text is not a text"},
	    {button, "/footer/text", characters(61), "interactive.footer.text is too long"},
	    {button,
	     "/header",
	     {{"type", "text"}, {"text", characters(61)}},
	     "interactive.header.text is too long"},
	    {button, "/header", {{"type", "audio"}}, "header type \"audio\" is not possible here"},
	    {button, "/action/buttons", json::array(),
	     "interactive.action.buttons has too few elements"},
	    {button, "/action/buttons",
	     json::array({reply_button, reply_button, reply_button, reply_button}),
	     "interactive.action.buttons has too many elements"},
	    {button, "/action/buttons", json::array({reply_button, reply_button}),
	     "interactive.action.buttons[1].reply.id is given twice"},
	    {button, "/action/buttons/0/reply/title", characters(21),
	     "interactive.action.buttons[0].reply.title is too long"},
	    {button, "/action/buttons/0/reply/id", characters(257),
	     "interactive.action.buttons[0].reply.id is too long"},
	    {list, "/action/button", characters(21), "interactive.action.button is too long"},
	    {list, "/action/sections/0/rows", eleven,
	     "interactive.action.sections[0].rows has too many elements"},
	    {list,
	     "/action/sections/1",
	     {{"rows", json::array({{{"id", "2"}, {"title", "Two"}}})}},
	     "interactive.action.sections[0] lacks \"title\""},
	    {list, "/action/sections/0/rows/0/title", characters(25),
	     "interactive.action.sections[0].rows[0].title is too long"},
	    {list, "/action/sections/0/rows/0/description", characters(73),
	     "interactive.action.sections[0].rows[0].description is too long"},
	    {list, "/body/text", characters(4097), "interactive.body.text is too long"},
	    {carousel, "/action/cards/1/card_index", 2,
	     "interactive.action.cards[1].card_index is wrong"},
	    {carousel, "/action/cards/1/type", "cta_url",
	     "interactive.action.cards[1] lacks \"header\""},
	    {carousel, "/action/cards/0/type", "image", "interactive.action.cards[0].type is wrong"},
	    {carousel, "/footer/text", "x", "interactive has a footer"},
	    {carousel, "/header", {{"type", "text"}, {"text", "x"}}, "interactive has a header"},
	    {flow, "/action/parameters/mode", "public", "interactive.action.parameters.mode is wrong"},
	    {flow, "/action/parameters/flow_action", "go",
	     "interactive.action.parameters.flow_action is wrong"},
	    {address, "/action/parameters/country", "ES",
	     "interactive.action.parameters.country is wrong"},
	    {call, "/action/name", "call", "interactive.action.name is wrong"},
	    {call, "/action/parameters/display_text", characters(21),
	     "interactive.action.parameters.display_text is too long"},
	    {call, "/action/parameters/ttl_minutes", "9",
	     "interactive.action.parameters.ttl_minutes is wrong"},
	    {permission, "/action/name", "may_call", "interactive.action.name is wrong"},
	};
	for (const Case &test : cases) {
		json changed = test.base;
		changed[json::json_pointer(test.pointer)] = test.value;
		EXPECT_EQ(fault_of([&] { interactive_payload(changed.dump(), {}); }).message(),
		          test.message)
		    << test.pointer;
	}
}

TEST(FreeForm, AnyTypeByItsName)
{
	EXPECT_EQ(json::parse(content_payload("text", R"({"body":"Hola"})", {}).payload),
	          json::parse(text_payload({"Hola"}, {})));
	EXPECT_EQ(
	    json::parse(
	        content_payload("template", R"({"name":"a","language":{"code":"es"}})", {}).payload),
	    json::parse(R"({"type":"template","template":{"name":"a","language":{"code":"es"}}})"));
	EXPECT_EQ(fault_of([] {
		          content_payload("reaction", R"({"message_id":"wamid.1","emoji":"x"})",
		                          replied_to);
	          }).message(),
	          "a reaction cannot be a reply");
	EXPECT_EQ(fault_of([] { content_payload("pin", "{}", {}); }).message(),
	          "message type \"pin\" does not exist");
	EXPECT_EQ(
	    fault_of([] { content_payload("text", R"({"body":"a","bodyy":"b"})", {}); }).message(),
	    "text has an unknown member \"bodyy\"");
	EXPECT_EQ(fault_of([] { content_payload("text", "[]", {}); }).message(),
	          "text is not an object");
	EXPECT_EQ(sqlstate_of([] { content_payload("text", "{", {}); }), "22032");
	/* what a text holds is never repeated */
	const Fault fault =
	    fault_of([] { content_payload("text", "{\"body\":\"" + characters(4097) + "\"}", {}); });
	EXPECT_EQ((fault.message() + fault.detail() + fault.hint()).find("\xC3\xB1"),
	          std::string::npos);
}

} // namespace
} // namespace whatsapp
