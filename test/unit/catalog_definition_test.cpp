/*
 * catalog_definition_test.cpp — what differs between a definition and what Meta lists, whether a
 * message fits its template, and how it reads.
 */
#include "core/catalog/arguments.hpp"
#include "core/catalog/difference.hpp"
#include "core/catalog/preview.hpp"

#include "core/base/json_tree.hpp"

#include "core/message/template_message.hpp"
#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

const char order[] = R"json([
 {"type":"HEADER","format":"DOCUMENT","example":{"header_handle":["https://scontent.example/1?e=2"]}},
 {"type":"BODY","text":"Hola {{1}}, adjuntamos la orden {{2}} en PDF.","example":{"body_text":[["Ana","A-1"]]}},
 {"type":"FOOTER","text":"Mensaje automático"},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Ver","url":"https://example.org/po/{{1}}","example":["A-1"]},
  {"type":"QUICK_REPLY","text":"Recibido"}]}])json";

const char code_listed[] = R"json([
 {"type":"BODY","text":"*{{1}}* es tu código de verificación.","add_security_recommendation":true},
 {"type":"FOOTER","text":"Este código caduca en 10 minutos.","code_expiration_minutes":10},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copiar código",
  "url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}","example":["123456"]}]}])json";

std::string
definition_of(const std::string &components, const char *category = "UTILITY")
{
	return std::string(R"({"name":"a","language":"es","category":")") + category +
	       R"(","components":)" + components + "}";
}

std::vector<std::string>
components_that_differ(const std::string &wanted, const std::string &live,
                       const char *category = "UTILITY")
{
	std::vector<std::string> names;
	for (const json &one : json::parse(definition_difference(wanted, live, category)))
		names.push_back(one["component"]);
	return names;
}

using Names = std::vector<std::string>;

TEST(TemplateDifference, WhatMetaChangesByItselfIsNone)
{
	EXPECT_EQ(components_that_differ(definition_of(order), order), Names());
	/* in other case, other order, without examples, and with members of Meta's */
	EXPECT_EQ(components_that_differ(definition_of(R"json([
	 {"type":"buttons","buttons":[{"type":"url","text":"Ver","url":"https://example.org/po/{{1}}","example":["B"]},
	  {"type":"quick_reply","text":"Recibido"}]},
	 {"type":"footer","text":"Mensaje automático"},
	 {"type":"body","text":"Hola {{1}}, adjuntamos la orden {{2}} en PDF.\r\n","example":{"body_text":[["x","y"]]}},
	 {"type":"header","format":"document","example":{"header_handle":["4::aW"]}}])json"),
	                                 order),
	          Names());
	EXPECT_EQ(components_that_differ(
	              definition_of(R"json([{"type":"BODY","add_security_recommendation":true},
	 {"type":"FOOTER","code_expiration_minutes":10},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}])json",
	                            "AUTHENTICATION"),
	              code_listed, "AUTHENTICATION"),
	          Names());
	json one_tap = json::parse(code_listed);
	one_tap[2]["buttons"][0]["url"] =
	    "https://www.whatsapp.com/otp/code/?otp_type=ONE_TAP&code=otp{{1}}";
	EXPECT_EQ(components_that_differ(
	              definition_of(R"json([{"type":"BODY","add_security_recommendation":true},
	 {"type":"FOOTER","code_expiration_minutes":10},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"ONE_TAP","autofill_text":"Fill in",
	  "supported_apps":[{"package_name":"org.example","signature_hash":"12345678901"}]}]}])json",
	                            "AUTHENTICATION"),
	              one_tap.dump(), "AUTHENTICATION"),
	          Names());
}

TEST(TemplateDifference, ByComponent)
{
	json changed = json::parse(order);
	changed[1]["text"] = "Hola {{1}}, la orden {{2}} va en PDF.";
	changed[3]["buttons"][0]["url"] = "https://example.org/orden/{{1}}";
	changed.erase(2);
	EXPECT_EQ(components_that_differ(definition_of(changed.dump()), order),
	          (Names{"body", "button 0", "footer"}));
	EXPECT_EQ(components_that_differ(definition_of(order), order, "MARKETING"), Names{"category"});
	EXPECT_EQ(components_that_differ(definition_of(order), ""),
	          (Names{"body", "button 0", "button 1", "footer", "header"}));
	const json all =
	    json::parse(definition_difference(definition_of(changed.dump()), order, "UTILITY"));
	EXPECT_EQ(all[0]["wanted"]["text"], "Hola {{1}}, la orden {{2}} va en PDF.");
	EXPECT_EQ(all[0]["live"]["text"], "Hola {{1}}, adjuntamos la orden {{2}} en PDF.");
	EXPECT_EQ(all[2]["wanted"], json());
	json code = json::parse(code_listed);
	code[1]["code_expiration_minutes"] = 5;
	EXPECT_EQ(components_that_differ(
	              definition_of(R"json([{"type":"BODY","add_security_recommendation":true},
	 {"type":"FOOTER","code_expiration_minutes":10},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"ONE_TAP"}]}])json",
	                            "AUTHENTICATION"),
	              code.dump(), "AUTHENTICATION"),
	          (Names{"button 0", "footer"}));
}

TEST(TemplateDifference, Placeholders)
{
	EXPECT_EQ(definition_placeholders(definition_of(order)),
	          "header: DOCUMENT\nbody: 1 2\nbutton 0: variable");
	EXPECT_EQ(
	    definition_placeholders(definition_of(R"([{"type":"BODY","text":"{{b}} {{a}} {{b}}"}])")),
	    "body: b a");
	EXPECT_EQ(definition_placeholders("{}"), "");
}

/* A message that fits `order`; change what is to be wrong. */
TemplateMessage
order_message()
{
	TemplateMessage message;
	message.name = "order";
	message.language = "es";
	message.parameters = {"Ana", "A-1029"};
	message.header = R"({"document":{"id":"1","filename":"orden.pdf"}})";
	message.buttons = R"([{"url":"A-1029"}])";
	return message;
}

std::string
mismatch(const TemplateMessage &message, const char *components = order)
{
	const GivenArguments given = read_given_arguments(template_message_payload(message));
	const Fault fault = fault_of([&] {
		check_given_arguments(read_template_definition(components), given, message.name,
		                      message.language);
	});
	EXPECT_STREQ(fault.sqlstate(), "WA005");
	EXPECT_EQ(fault.message(), "parameters do not match template \"order\" in language \"es\"");
	return fault.detail();
}

TEST(TemplateArguments, EachComponentIsCompared)
{
	const TemplateMessage good = order_message();
	EXPECT_NO_THROW(check_given_arguments(read_template_definition(order),
	                                      read_given_arguments(template_message_payload(good)),
	                                      "order", "es"));
	TemplateMessage message = good;
	message.parameters = {"Ana"};
	EXPECT_EQ(mismatch(message), "The body wants 2 parameters, but 1 was given.");
	message = good;
	message.parameters = {};
	EXPECT_EQ(mismatch(message), "The body wants 2 parameters, but 0 were given.");
	message = good;
	message.parameters = {};
	message.named = {{"a", "x"}, {"b", "y"}};
	EXPECT_EQ(mismatch(message),
	          "The body wants parameters without names, and one with a name was given.");
	message = good;
	message.header = "";
	EXPECT_EQ(mismatch(message),
	          "The header takes a parameter of type \"document\", but none was given.");
	message.header = R"({"image":{"id":"1"}})";
	EXPECT_EQ(mismatch(message),
	          "The header takes a parameter of type \"document\", but one of type "
	          "\"image\" was given.");
	message = good;
	message.buttons = "";
	EXPECT_EQ(mismatch(message),
	          "The button 0 wants a parameter for \"url\", which was not given.");
	message.components = R"([{"type":"button","sub_type":"url","index":0}])";
	EXPECT_EQ(mismatch(message),
	          "The button 0 wants a parameter for \"url\", which was not given.");
	message.components = "";
	message.buttons = R"([{"url":"x"},{"url":"y"}])";
	EXPECT_EQ(mismatch(message),
	          "The button 1 is of type \"QUICK_REPLY\", and a parameter for \"url\" was given.");
	message.buttons = R"([{"url":"x"},null,{"payload":"y"}])";
	EXPECT_EQ(mismatch(message), "There is no button 2: the template has 2 buttons.");
	message = good;
	message.offer_ends_ms = 1;
	EXPECT_EQ(mismatch(message), "The template has no limited-time offer.");
	message = good;
	message.cards = R"([{"parameters":["x"]}])";
	EXPECT_EQ(mismatch(message), "The template has 0 cards, but 1 was given.");
}

TEST(TemplateArguments, NamesOfParameters)
{
	static const char named[] =
	    R"([{"type":"BODY","text":"Hola {{cliente}}, su pedido {{pedido}} llegó."}])";
	TemplateMessage message;
	message.name = "order";
	message.language = "es";
	message.named = {{"cliente", "Ana"}, {"pedidos", "1"}};
	EXPECT_EQ(mismatch(message, named),
	          "The body wants a parameter named \"pedido\", which was not given.");
	message.named = {{"cliente", "Ana"}, {"pedido", "1"}, {"total", "2"}};
	EXPECT_EQ(mismatch(message, named), "The body has no parameter named \"total\".");
	message.named = {};
	message.parameters = {"Ana", "1"};
	EXPECT_EQ(mismatch(message, named),
	          "The body wants a parameter named \"cliente\", which was not given.");
}

TEST(TemplateArguments, Codes)
{
	TemplateMessage message;
	message.name = "order";
	message.language = "es";
	message.code = "123456";
	const GivenArguments given = read_given_arguments(template_message_payload(message));
	for (
	    const char *components :
	    {code_listed,
	     R"([{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}])"})
		EXPECT_NO_THROW(
		    check_given_arguments(read_template_definition(components), given, "order", "es"));
	message.code = "";
	message.parameters = {"123456"};
	EXPECT_EQ(mismatch(message, code_listed),
	          "The button 0 wants a parameter for \"url\", which was not given.");
}

TEST(TemplateArguments, TheCodeIsTheSameInBothPlaces)
{
	const auto detail = [](const char *body, const char *button) {
		TemplateMessage message;
		message.name = "order";
		message.language = "es";
		message.parameters = {body};
		const std::string buttons = std::string(R"([{"url":")") + button + R"("}])";
		message.buttons = buttons;
		return mismatch(message, code_listed);
	};
	EXPECT_EQ(detail("123456", "123457"),
	          "The one-time code in the button is another one than in the body.");
	EXPECT_EQ(detail("1234567890123456", "1234567890123456"),
	          "The one-time code has 16 characters, and at most 15 are possible.");
}

TEST(TemplateArguments, ABodyIsNotTooLongOnceFilledIn)
{
	TemplateMessage message = order_message();
	const auto check = [&message](const char *components) {
		check_given_arguments(read_template_definition(components),
		                      read_given_arguments(template_message_payload(message)), "order",
		                      "es");
	};
	/* "Hola , adjuntamos la orden  en PDF." has 35 characters */
	message.parameters = {std::string(1024 - 35 - 6, 'x'), "A-1029"};
	EXPECT_NO_THROW(check(order));
	message.parameters[0] += "x";
	EXPECT_EQ(sqlstate_of([&] { check(order); }), "22001");
	EXPECT_EQ(fault_of([&] { check(order); }).detail(),
	          "With its parameters it has 1025 characters, and beside a header, a footer or "
	          "buttons the platform takes 1024.");
	/* one that stands twice counts twice, and a body alone may be longer */
	message.header = "";
	message.buttons = "";
	message.parameters = {std::string(600, 'x')};
	EXPECT_NO_THROW(check(R"([{"type":"BODY","text":"Hola {{1}}, {{1}}."}])"));
	EXPECT_EQ(
	    sqlstate_of([&] {
		    check(R"([{"type":"BODY","text":"Hola {{1}}, {{1}}."},{"type":"FOOTER","text":"x"}])");
	    }),
	    "22001");
}

/* Two cards of products are approved; a message has up to ten. */
TEST(TemplateArguments, CardsOfProducts)
{
	static const char products[] =
	    R"json([{"type":"BODY","text":"Novedades."},{"type":"CAROUSEL","cards":[
	 {"components":[{"type":"HEADER","format":"PRODUCT"},{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}]},
	 {"components":[{"type":"HEADER","format":"PRODUCT"},{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}]}]}])json";
	const auto message_of = [](int count) {
		std::string cards = "[";
		for (int i = 0; i < count; i++)
			cards += std::string(i == 0 ? "" : ",") +
			         R"({"header":{"product":{"product_retailer_id":"a","catalog_id":"1"}}})";
		return cards + "]";
	};
	TemplateMessage message;
	message.name = "order";
	message.language = "es";
	for (const int count : {2, 3, 10}) {
		const std::string cards = message_of(count);
		message.cards = cards;
		const GivenArguments given = read_given_arguments(template_message_payload(message));
		const TemplateDefinition definition = read_template_definition(products);
		EXPECT_NO_THROW(check_given_arguments(definition, given, "order", "es")) << count;
		const std::string text = preview_text(definition, given);
		EXPECT_NE(text.find("-- " + std::to_string(count) + " --\n[product: a]\n[View]"),
		          std::string::npos)
		    << text;
	}
	const std::string cards = message_of(1);
	message.cards = cards;
	EXPECT_EQ(mismatch(message, products),
	          "The template takes 2 to 10 cards of products, but 1 was given.");
}

struct Golden {
	const char *name;
	const char *components;
	const char *payload; /* of the components that are given */
	const char *text;
	const char *html;
};

const Golden golden[] = {
    {"document", order,
     R"json([{"type":"header","parameters":[{"type":"document","document":{"id":"1","filename":"orden.pdf"}}]},
      {"type":"body","parameters":[{"type":"text","text":"Ana & <b>Luis</b>"},{"type":"text","text":"{{1}}"}]},
      {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"A-1029"}]}])json",
     "[document: orden.pdf]\nHola Ana & <b>Luis</b>, adjuntamos la orden {{1}} en PDF.\n"
     "Mensaje automático\n[Ver > https://example.org/po/A-1029]\n[Recibido]",
     "<div class=\"whatsapp-message\"><div class=\"medium\">document: orden.pdf</div>"
     "<div class=\"body\">Hola Ana &amp; &lt;b&gt;Luis&lt;/b&gt;, adjuntamos la orden {{1}} en "
     "PDF.</div>"
     "<div class=\"footer\">Mensaje automático</div><div class=\"button\">Ver "
     "<small>https://example.org/po/A-1029</small></div>"
     "<div class=\"button\">Recibido</div></div>"},
    {"text header",
     R"json([{"type":"HEADER","format":"TEXT","text":"Oferta para {{nombre}}"},{"type":"BODY","text":"Harina\na mitad"}])json",
     R"json([{"type":"header","parameters":[{"type":"text","parameter_name":"nombre","text":"\"Ana\""}]}])json",
     "Oferta para \"Ana\"\nHarina\na mitad",
     "<div class=\"whatsapp-message\"><div class=\"header\">Oferta para &quot;Ana&quot;</div>"
     "<div class=\"body\">Harina<br>a mitad</div></div>"},
    {"place",
     R"json([{"type":"HEADER","format":"LOCATION"},{"type":"BODY","text":"Aquí estamos."},
      {"type":"BUTTONS","buttons":[{"type":"PHONE_NUMBER","text":"Llamar","phone_number":"+34600111222"}]}])json",
     R"json([{"type":"header","parameters":[{"type":"location","location":{"latitude":1,"longitude":2,"name":"Tienda"}}]}])json",
     "[location: Tienda]\nAquí estamos.\n[Llamar > +34600111222]",
     "<div class=\"whatsapp-message\"><div class=\"medium\">location: Tienda</div>"
     "<div class=\"body\">Aquí estamos.</div>"
     "<div class=\"button\">Llamar <small>+34600111222</small></div></div>"},
    {"offer",
     R"json([{"type":"HEADER","format":"IMAGE"},{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Hoy","has_expiration":true}},
      {"type":"BODY","text":"Una oferta."},{"type":"BUTTONS","buttons":[{"type":"COPY_CODE","text":"Copiar"}]}])json",
     R"json([{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.org/a.png"}}]},
      {"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":5}}]},
      {"type":"button","sub_type":"copy_code","index":0,"parameters":[{"type":"coupon_code","coupon_code":"VERANO"}]}])json",
     "[image: https://example.org/a.png]\nHoy\nUna oferta.\n[Copiar > VERANO]",
     "<div class=\"whatsapp-message\"><div class=\"medium\">image: https://example.org/a.png</div>"
     "<div class=\"offer\">Hoy</div><div class=\"body\">Una oferta.</div>"
     "<div class=\"button\">Copiar <small>VERANO</small></div></div>"},
    {"code", code_listed,
     R"json([{"type":"body","parameters":[{"type":"text","text":"123456"}]},
      {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}])json",
     "*123456* es tu código de verificación.\nEste código caduca en 10 minutos.\n[Copiar código > "
     "123456]",
     "<div class=\"whatsapp-message\"><div class=\"body\">*123456* es tu código de "
     "verificación.</div>"
     "<div class=\"footer\">Este código caduca en 10 minutos.</div>"
     "<div class=\"button\">Copiar código <small>123456</small></div></div>"},
    {"carousel",
     R"json([{"type":"BODY","text":"Novedades."},{"type":"CAROUSEL","cards":[
      {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Pan de {{1}}."},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Sí"}]}]},
      {"components":[{"type":"HEADER","format":"VIDEO"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Ver","url":"https://example.org"}]}]}]}])json",
     R"json([{"type":"carousel","cards":[
      {"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},{"type":"body","parameters":[{"type":"text","text":"espelta"}]}]},
      {"card_index":1,"components":[{"type":"header","parameters":[{"type":"video","video":{"id":"2"}}]}]}]}])json",
     "Novedades.\n-- 1 --\n[image]\nPan de espelta.\n[Sí]\n-- 2 --\n[video]\n[Ver > "
     "https://example.org]",
     "<div class=\"whatsapp-message\"><div class=\"body\">Novedades.</div><div "
     "class=\"card\">1</div><div class=\"medium\">image</div>"
     "<div class=\"body\">Pan de espelta.</div><div class=\"button\">Sí</div><div "
     "class=\"card\">2</div><div class=\"medium\">video</div>"
     "<div class=\"button\">Ver <small>https://example.org</small></div></div>"},
};

TEST(TemplatePreview, AsTheRecipientReadsIt)
{
	for (const Golden &test : golden) {
		const TemplateDefinition definition = read_template_definition(test.components);
		const GivenArguments given = read_given_arguments(
		    std::string(R"({"type":"template","template":{"name":"a","components":)") +
		    test.payload + "}}");
		EXPECT_NO_THROW(check_given_arguments(definition, given, "a", "es")) << test.name;
		EXPECT_EQ(preview_text(definition, given), test.text) << test.name;
		EXPECT_EQ(preview_html(definition, given), test.html) << test.name;
	}
}

} // namespace
} // namespace whatsapp
