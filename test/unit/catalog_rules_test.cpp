/*
 * catalog_rules_test.cpp — each rule for a template's definition, with a definition that it accepts
 * and one that it refuses, and the place that it names.
 */
#include "core/catalog/definition_check.hpp"

#include <map>
#include <string>

#include "core/base/json_tree.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

/* A definition of category UTILITY with these components. more: members of the definition. */
std::string
utility(const std::string &components, const std::string &more = "")
{
	return R"({"name":"order_ready","language":"es","category":"UTILITY","components":[)" +
	       components + "]" + (more.empty() ? "" : "," + more) + "}";
}

std::string
code(const std::string &components)
{
	return R"({"name":"login","language":"es","category":"AUTHENTICATION","components":[)" +
	       components + "]}";
}

const std::string plain = R"({"type":"BODY","text":"Gracias por su compra."})";

/* A body with that text and as many examples. */
std::string
body(const std::string &text, int examples = 0, int of_nothing = 0)
{
	std::string list;
	for (int i = 0; i < examples; i++)
		list += (i == 0 ? "" : ",") + std::string(i < of_nothing ? R"(" ")" : R"("Ana")");
	return R"({"type":"BODY","text":")" + text + "\"" +
	       (examples == 0 ? "" : R"(,"example":{"body_text":[[)" + list + "]]}") + "}";
}

std::string
named_body(const std::string &text, const std::string &examples)
{
	return R"({"type":"BODY","text":")" + text + R"(","example":{"body_text_named_params":[)" +
	       examples + "]}}";
}

std::string
header(const std::string &text, const std::string &example = "")
{
	return R"({"type":"HEADER","format":"TEXT","text":")" + text + "\"" +
	       (example.empty() ? "" : R"(,"example":{"header_text":[")" + example + "\"]}") + "}";
}

std::string
media(const std::string &format,
      const std::string &more = R"("example":{"header_handle":["4::aW"]})")
{
	return R"({"type":"HEADER","format":")" + format + "\"" + (more.empty() ? "" : "," + more) +
	       "}";
}

std::string
buttons(const std::string &list)
{
	return R"({"type":"BUTTONS","buttons":[)" + list + "]}";
}

std::string
reply(const std::string &text = "Bien")
{
	return R"({"type":"QUICK_REPLY","text":")" + text + R"("})";
}

std::string
url(const std::string &address = "https://example.org/po", const std::string &example = "")
{
	return R"({"type":"URL","text":"Ver","url":")" + address + "\"" +
	       (example.empty() ? "" : R"(,"example":[")" + example + "\"]") + "}";
}

std::string
phone(const std::string &number = "+34612345678")
{
	return R"({"type":"PHONE_NUMBER","text":"Llamar","phone_number":")" + number + R"("})";
}

std::string
copy_code(const std::string &example = "VERANO25")
{
	return R"({"type":"COPY_CODE","example":")" + example + R"("})";
}

std::string
repeated(const std::string &one, int count)
{
	std::string list = one;
	for (int i = 1; i < count; i++)
		list += "," + one;
	return list;
}

std::string
otp(const std::string &members = R"("otp_type":"COPY_CODE")")
{
	return R"({"type":"BUTTONS","buttons":[{"type":"OTP",)" + members + "}]}";
}

std::string
apps(int count, const std::string &package = "org.example", const std::string &hash = "K8a/AINcGX7")
{
	return R"("supported_apps":[)" +
	       repeated(R"({"package_name":")" + package + R"(","signature_hash":")" + hash + R"("})",
	                count) +
	       "]";
}

std::string
offer(const std::string &text = "Oferta")
{
	return R"({"type":"limited_time_offer","limited_time_offer":{"text":")" + text +
	       R"(","has_expiration":true}})";
}

std::string
card(const std::string &components)
{
	return R"({"components":[)" + components + "]}";
}

std::string
carousel(const std::string &cards)
{
	return plain + R"(,{"type":"CAROUSEL","cards":[)" + cards + "]}";
}

const std::string code_body = R"({"type":"BODY"})";

struct Pair {
	Rule rule;
	std::string accepted;
	std::string refused;
	const char *component;
	std::size_t position = 0;
};

std::vector<Pair>
definition_pairs()
{
	return {
	    {Rule::unknown_member, utility(plain), utility(plain, R"("allow_category_change":true)"),
	     "template"},
	    {Rule::wrong_type, utility(plain), utility(R"({"type":"BODY","text":7})"), "body"},
	    {Rule::missing_member, utility(plain), utility(R"({"type":"BODY"})"), "body"},
	    {Rule::name_invalid, utility(plain),
	     R"({"name":"Order-Ready","language":"es","category":"UTILITY","components":[)" + plain +
	         "]}",
	     "name"},
	    {Rule::name_too_long,
	     R"({"name":")" + std::string(512, 'a') +
	         R"(","language":"es","category":"UTILITY","components":[)" + plain + "]}",
	     R"({"name":")" + std::string(513, 'a') +
	         R"(","language":"es","category":"UTILITY","components":[)" + plain + "]}",
	     "name", 513},
	    {Rule::language_invalid,
	     R"({"name":"a","language":"pt_BR","category":"UTILITY","components":[)" + plain + "]}",
	     R"({"name":"a","language":"pt-BR","category":"UTILITY","components":[)" + plain + "]}",
	     "language"},
	    {Rule::category_unknown,
	     R"({"name":"a","language":"es","category":"marketing","components":[)" + plain + "]}",
	     R"({"name":"a","language":"es","category":"SERVICE","components":[)" + plain + "]}",
	     "category"},
	    {Rule::parameter_format_unknown, utility(plain, R"("parameter_format":"named")"),
	     utility(plain, R"("parameter_format":"NUMBERED")"), "parameter_format"},
	    {Rule::ttl_out_of_range, utility(plain, R"("message_send_ttl_seconds":43200)"),
	     utility(plain, R"("message_send_ttl_seconds":43201)"), "message_send_ttl_seconds"},
	    {Rule::component_unknown, utility(plain + R"(,{"type":"CALL_PERMISSION_REQUEST"})"),
	     utility(plain + R"(,{"type":"BANNER"})"), "template"},
	    {Rule::component_repeated, utility(plain), utility(plain + "," + plain), "template"},
	    {Rule::body_missing, utility(plain), utility(header("Hola")), "template"},
	};
}

std::vector<Pair>
text_pairs()
{
	const std::string long1024(1024, 'x');
	const std::string long60 = std::string(58, 'x') + "ñ😀";
	return {
	    {Rule::text_empty, utility(body(".")), utility(body(" \\n\xE2\x80\x8B")), "body"},
	    {Rule::header_too_long, utility(header(long60) + "," + plain),
	     utility(header(long60 + "x") + "," + plain), "header", 61},
	    {Rule::body_too_long, utility(body(long1024)), utility(body(long1024 + "x")), "body", 1025},
	    {Rule::footer_too_long, utility(plain + R"(,{"type":"FOOTER","text":")" + long60 + R"("})"),
	     utility(plain + R"(,{"type":"FOOTER","text":")" + long60 + R"(x"})"), "footer", 61},
	    {Rule::offer_body_too_long, utility(offer() + "," + body(std::string(600, 'x'))),
	     utility(offer() + "," + body(std::string(601, 'x'))), "body", 601},
	    {Rule::product_body_too_long,
	     utility(media("PRODUCT", "") + "," + body(std::string(160, 'x'))),
	     utility(media("PRODUCT", "") + "," + body(std::string(161, 'x'))), "body", 161},
	    {Rule::header_format_unknown, utility(media("IMAGE") + "," + plain),
	     utility(media("AUDIO") + "," + plain), "header"},
	    {Rule::header_text_not_allowed, utility(media("LOCATION", "") + "," + plain),
	     utility(media("LOCATION", R"("text":"Aquí")") + "," + plain), "header"},
	    {Rule::header_too_many_placeholders, utility(header("Pedido {{1}}", "A-1") + "," + plain),
	     utility(header("Pedido {{1}} de {{2}}", "A-1") + "," + plain), "header", 17},
	    {Rule::header_markdown, utility(header("2 * 3 es 6, order_ready_2") + "," + plain),
	     utility(header("El *pedido*") + "," + plain), "header", 4},
	    {Rule::header_example_missing, utility(media("VIDEO") + "," + plain),
	     utility(media("VIDEO", "") + "," + plain), "header"},
	    {Rule::location_category, utility(media("LOCATION", "") + "," + plain),
	     R"({"name":"a","language":"es","category":"SERVICE","components":[)" +
	         media("LOCATION", "") + "," + plain + "]}",
	     "header"},
	    {Rule::footer_has_placeholder, utility(plain + R"(,{"type":"FOOTER","text":"Adiós"})"),
	     utility(plain + R"(,{"type":"FOOTER","text":"Adiós {{1}}"})"), "footer", 7},
	};
}

std::vector<Pair>
placeholder_pairs()
{
	const std::string named = R"("parameter_format":"NAMED")";
	const std::string ana = R"({"param_name":"cliente","example":"Ana"})";
	const std::string good = named_body("Hola {{cliente}}, su pedido llegó.", ana);
	return {
	    {Rule::placeholder_malformed, utility(body("¡Hola {{1}}, su pedido llegó!", 1)),
	     utility(body("¡Hola {{ 1 }}, su pedido llegó!")), "body", 7},
	    {Rule::placeholder_special_character, utility(good, named),
	     utility(body("Hola {{total$}}, su pedido llegó."), named), "body", 6},
	    {Rule::placeholder_gap, utility(body("Hola {{2}}, su pedido {{1}} ya está aquí.", 2)),
	     utility(body("Hola {{1}}, su pedido {{3}} ya está aquí.", 2)), "body", 23},
	    {Rule::placeholder_at_start, utility(body("Hola {{1}}, su pedido llegó.", 1)),
	     utility(body(" {{1}}, su pedido ya llegó.", 1)), "body", 2},
	    {Rule::placeholder_at_end, utility(body("Ha llegado su pedido {{1}}.", 1)),
	     utility(body("Ha llegado su pedido {{1}}", 1)), "body", 22},
	    {Rule::placeholders_adjacent, utility(body("Hola {{1}}-{{2}}, su pedido ya llegó hoy.", 2)),
	     utility(body("Hola {{1}} {{2}}, su pedido ya llegó hoy.", 2)), "body", 12},
	    {Rule::placeholders_mixed, utility(good, named),
	     utility(named_body("Hola {{cliente}}, su pedido {{1}} llegó hoy mismo.", ana), named),
	     "body", 29},
	    {Rule::placeholder_format, utility(good, named), utility(good), "body", 6},
	    {Rule::placeholder_ratio, utility(body("Su nuevo pedido {{1}}.", 1)),
	     utility(body("Su pedido {{1}}.", 1)), "body"},
	    {Rule::example_missing, utility(body("Hola {{1}}, su pedido llegó.", 1)),
	     utility(body("Hola {{1}}, su pedido llegó.")), "body"},
	    {Rule::example_count, utility(body("Hola {{1}}, su pedido llegó.", 1)),
	     utility(body("Hola {{1}}, su pedido llegó.", 2)), "body"},
	    {Rule::example_name, utility(good, named),
	     utility(named_body("Hola {{cliente}}, su pedido llegó.",
	                        R"({"param_name":"nombre","example":"Ana"})"),
	             named),
	     "body"},
	    {Rule::example_empty, utility(body("Hola {{1}}, su pedido llegó.", 1)),
	     utility(body("Hola {{1}}, su pedido llegó.", 1, 1)), "body"},
	};
}

std::vector<Pair>
button_pairs()
{
	const std::string text25(25, 'x');
	const std::string url2000 = "https://" + std::string(1992, 'x');
	const auto with = [](const std::string &list) { return utility(plain + "," + buttons(list)); };
	return {
	    {Rule::too_many_buttons, with(repeated(reply(), 10)), with(repeated(reply(), 11)),
	     "buttons"},
	    {Rule::no_buttons, with(reply()), with(""), "buttons"},
	    {Rule::button_unknown, with(R"({"type":"VOICE_CALL","text":"Llamar"})"),
	     with(R"({"type":"FAX","text":"Fax"})"), "button 0"},
	    {Rule::button_order, with(reply() + "," + reply() + "," + url()),
	     with(reply() + "," + url() + "," + reply()), "button 2"},
	    {Rule::button_text_too_long, with(reply(text25)), with(reply(text25 + "x")), "button 0",
	     26},
	    {Rule::button_text_fixed, with(R"({"type":"CATALOG","text":"View catalog"})"),
	     with(R"({"type":"CATALOG","text":"Ver catálogo"})"), "button 0"},
	    {Rule::too_many_url_buttons, with(repeated(url(), 2)), with(repeated(url(), 3)), "buttons"},
	    {Rule::too_many_phone_buttons, with(phone()), with(repeated(phone(), 2)), "buttons"},
	    {Rule::too_many_copy_code_buttons, with(copy_code()), with(repeated(copy_code(), 2)),
	     "buttons"},
	    {Rule::url_invalid, with(url("http://example.org")), with(url("https://example.org/a b")),
	     "button 0", 22},
	    {Rule::url_too_long, with(url(url2000)), with(url(url2000 + "x")), "button 0", 2001},
	    {Rule::url_placeholder_not_at_end, with(url("https://example.org/{{1}}", "A-1")),
	     with(url("https://example.org/{{1}}/pdf", "A-1")), "button 0", 21},
	    {Rule::url_example_missing, with(url("https://example.org/{{1}}", "A-1")),
	     with(url("https://example.org/{{1}}")), "button 0"},
	    {Rule::phone_number_invalid, with(phone("34612345678")), with(phone("+34 612")), "button 0",
	     4},
	    {Rule::phone_number_too_long, with(phone("+1234567890123456789")),
	     with(phone("+12345678901234567890")), "button 0", 21},
	    {Rule::copy_code_too_long, with(copy_code(std::string(20, 'x'))),
	     with(copy_code(std::string(21, 'x'))), "button 0", 21},
	    {Rule::flow_missing, with(R"({"type":"FLOW","text":"Abrir","flow_id":"1"})"),
	     with(R"({"type":"FLOW","text":"Abrir","flow_id":"1","flow_name":"a"})"), "button 0"},
	};
}

std::vector<Pair>
code_pairs()
{
	const std::string minutes = R"({"type":"FOOTER","code_expiration_minutes":)";
	const std::string one_tap = R"("otp_type":"ONE_TAP",)";
	const std::string good = code(code_body + "," + otp());
	const auto with = [](const std::string &members) {
		return code(code_body + "," + otp(members));
	};
	return {
	    {Rule::otp_component_not_allowed, good,
	     code(header("Hola") + "," + code_body + "," + otp()), "template"},
	    {Rule::otp_body_not_allowed,
	     code(R"({"type":"BODY","add_security_recommendation":true},)" + otp()),
	     code(plain + "," + otp()), "body"},
	    {Rule::otp_footer_not_allowed, code(code_body + "," + minutes + "10}," + otp()),
	     code(code_body + "," + minutes + R"(10,"text":"Adiós"},)" + otp()), "footer"},
	    {Rule::otp_expiration_out_of_range, code(code_body + "," + minutes + "90}," + otp()),
	     code(code_body + "," + minutes + "91}," + otp()), "footer"},
	    {Rule::otp_button_count, good, code(code_body), "template"},
	    {Rule::otp_button_not_allowed, good, utility(plain + "," + otp()), "button 0"},
	    {Rule::otp_type_unknown, good, with(R"("otp_type":"MAGIC")"), "button 0"},
	    {Rule::otp_apps_missing, with(one_tap + apps(1)), with(R"("otp_type":"ONE_TAP")"),
	     "button 0"},
	    {Rule::otp_too_many_apps, with(one_tap + apps(5)), with(one_tap + apps(6)), "button 0"},
	    {Rule::otp_package_name_too_long, with(one_tap + apps(1, std::string(224, 'x'))),
	     with(one_tap + apps(1, std::string(225, 'x'))), "button 0", 225},
	    {Rule::otp_signature_hash, with(one_tap + apps(1)),
	     with(one_tap + apps(1, "org.example", "K8a/AINcGX")), "button 0"},
	    {Rule::otp_terms_not_accepted,
	     with(R"("otp_type":"ZERO_TAP","zero_tap_terms_accepted":true,)" + apps(1)),
	     with(R"("otp_type":"ZERO_TAP",)" + apps(1)), "button 0"},
	};
}

std::vector<Pair>
card_pairs()
{
	const std::string one = card(media("IMAGE") + "," + buttons(url()));
	const std::string text160(160, 'x');
	const std::string offer_buttons =
	    buttons(copy_code() + "," + url("https://example.org/{{1}}", "A"));
	const auto of_body = [&](const std::string &text) {
		return utility(carousel(repeated(card(media("IMAGE") + "," + body(text)), 2)));
	};
	return {
	    {Rule::offer_text_too_long, utility(plain + "," + offer(std::string(16, 'x'))),
	     utility(plain + "," + offer(std::string(17, 'x'))), "limited_time_offer", 17},
	    {Rule::offer_header, utility(media("VIDEO") + "," + plain + "," + offer()),
	     utility(header("Hola") + "," + plain + "," + offer()), "header"},
	    {Rule::offer_footer_not_allowed, utility(plain + "," + offer()),
	     utility(plain + "," + offer() + R"(,{"type":"FOOTER","text":"Adiós"})"), "footer"},
	    {Rule::offer_button_not_allowed, utility(plain + "," + offer() + "," + offer_buttons),
	     utility(plain + "," + offer() + "," + buttons(reply())), "button 0"},
	    {Rule::card_body_too_long, of_body(text160), of_body(text160 + "x"), "card 0 body", 161},
	    {Rule::card_count, utility(carousel(repeated(one, 10))), utility(carousel(one)),
	     "carousel"},
	    {Rule::card_component_not_allowed, utility(carousel(repeated(one, 2))),
	     utility(header("Hola") + "," + carousel(repeated(one, 2))), "template"},
	    {Rule::card_header, utility(carousel(repeated(one, 2))),
	     utility(carousel(repeated(card(media("DOCUMENT")), 2))), "card 0 header"},
	    {Rule::card_too_many_buttons,
	     utility(carousel(repeated(card(media("IMAGE") + "," + buttons(repeated(reply(), 2))), 2))),
	     utility(carousel(repeated(card(media("IMAGE") + "," + buttons(repeated(reply(), 3))), 2))),
	     "card 0 buttons"},
	    {Rule::card_layout_differs, utility(carousel(repeated(one, 3))),
	     utility(carousel(one + "," + card(media("IMAGE") + "," + buttons(reply())))), "card 1"},
	};
}

std::vector<Pair>
all_pairs()
{
	std::vector<Pair> all;
	for (const auto &make :
	     {definition_pairs, text_pairs, placeholder_pairs, button_pairs, code_pairs, card_pairs})
		for (Pair &pair : make())
			all.push_back(std::move(pair));
	return all;
}

std::string
shown(const std::vector<Finding> &findings)
{
	std::string text;
	for (const Finding &finding : findings)
		text += std::string(rule_text(finding.rule).name) + " (" + finding.component + " " +
		        std::to_string(finding.position) + ") " + finding.message + "\n";
	return text;
}

TEST(CatalogRules, EachHasAnAcceptedAndARefusedDefinition)
{
	std::map<Rule, int> pairs;
	for (const Pair &pair : all_pairs()) {
		pairs[pair.rule]++;
		const std::string name = rule_text(pair.rule).name;
		const std::vector<Finding> none = check_definition(pair.accepted);
		EXPECT_TRUE(none.empty()) << name << " accepted:\n" << shown(none) << pair.accepted;
		bool found = false;
		const std::vector<Finding> some = check_definition(pair.refused);
		for (const Finding &finding : some)
			found = found || (finding.rule == pair.rule && finding.component == pair.component &&
			                  finding.position == pair.position);
		EXPECT_TRUE(found) << name << " refused:\n" << shown(some) << pair.refused;
	}
	EXPECT_GE(rule_count, 40U);
	for (std::size_t i = 0; i < rule_count; i++)
		EXPECT_EQ(pairs[static_cast<Rule>(i)], 1) << rule_text(static_cast<Rule>(i)).name;
}

TEST(CatalogRules, NamesAreGreppableAndMeaningsAreSentences)
{
	std::map<std::string, int> names;
	for (std::size_t i = 0; i < rule_count; i++) {
		const RuleText &text = rule_text(static_cast<Rule>(i));
		const std::string name = text.name;
		EXPECT_EQ(++names[name], 1) << name;
		EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
		EXPECT_EQ(std::string(text.meaning).back(), '.') << name;
	}
}

TEST(CatalogRules, MessagesAreSentencesAndHideWhatIsLong)
{
	for (const Pair &pair : all_pairs())
		for (const Finding &finding : check_definition(pair.refused)) {
			EXPECT_EQ(finding.message.back(), '.') << finding.message;
			EXPECT_LT(finding.message.size(), 400U) << finding.message;
		}
}

TEST(CatalogRules, TheQuickReferencesTemplateIsAccepted)
{
	EXPECT_TRUE(check_definition(
	                R"({"name":"po_notification","language":"es","category":"UTILITY","components":[
	 {"type":"body","text":"Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de {{3}}.",
	  "example":{"body_text":[["Proveedor ABC","PO-2024-001","€1,250.00"]]}}]})")
	                .empty());
}

TEST(CatalogRules, AllFindingsOfADefinitionAreTold)
{
	const std::vector<Finding> findings =
	    check_definition(utility(header("*Hola* {{1}}") + "," + body("{{1}} y {{3}}") + "," +
	                             buttons(repeated(reply(), 11))));
	std::map<Rule, int> rules;
	for (const Finding &finding : findings)
		rules[finding.rule]++;
	for (const Rule rule :
	     {Rule::header_markdown, Rule::placeholder_at_start, Rule::placeholder_at_end,
	      Rule::placeholder_gap, Rule::placeholder_ratio, Rule::too_many_buttons})
		EXPECT_EQ(rules[rule], 1) << rule_text(rule).name;
	EXPECT_EQ(rules[Rule::example_missing], 2);
}

TEST(CatalogRules, OfScriptsWithoutSpacesEachCharacterIsAWord)
{
	EXPECT_TRUE(check_definition(utility(body("您好{{1}}，您的订单已到。", 1))).empty());
}

TEST(CatalogRules, AnythingMayStandThere)
{
	/* no crash, and something is said, whatever stands in whatever place */
	const json good = json::parse(
	    utility(header("Pedido {{1}}", "A") + "," + body("Hola {{1}}, su pedido llegó.", 1) +
	            R"(,{"type":"FOOTER","text":"Adiós"},)" + buttons(url() + "," + reply()) + "," +
	            offer() + R"(,{"type":"CAROUSEL","cards":[)" +
	            repeated(card(media("IMAGE") + "," + buttons(url())), 2) + "]}"));
	const json flat = good.flatten();
	for (const auto &[path, value] : flat.items())
		for (const char *odd : {"null", "7", "[]", "{}", "[[]]", "\"\"", "true", "[null]"}) {
			json changed = good;
			for (json::json_pointer at(path); !at.empty(); at.pop_back()) {
				changed[at] = json::parse(odd);
				(void)check_definition(changed.dump());
				changed = good;
			}
		}
	EXPECT_FALSE(check_definition("[]").empty());
	EXPECT_EQ(sqlstate_of([] { (void)check_definition("{"); }), "22032");
}

TEST(CatalogRules, RequireDefinition)
{
	EXPECT_NO_THROW(require_definition(utility(plain)));
	const Fault fault = fault_of(
	    [] { require_definition(utility(body("Hola {{1}}, su pedido {{3}} ya está aquí.", 2))); });
	EXPECT_STREQ(fault.sqlstate(), "WA016");
	EXPECT_EQ(fault.message(), "template definition breaks rule \"placeholder_gap\"");
	EXPECT_EQ(fault.detail(), "In \"body\" at character 23: There is {{3}}, but no {{2}}.");
}

} // namespace
} // namespace whatsapp
