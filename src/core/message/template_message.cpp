/*
 * template_message.cpp — from what a caller gives to the components of a request body.
 *
 * Here things are put in their places only; what may stand there is judged by
 * check_template_content(), for these and for components that a caller wrote in full.
 */
#include "core/message/template_message.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"
#include "core/message/content.hpp"
#include "core/message/content_types.hpp"
#include "core/message/template.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_code_characters = 15;

json
text_parameter(const std::string &text)
{
	return {{"type", "text"}, {"text", text}};
}

/* Members such as {"cliente": "Ana"}. Only texts: a JSON number would not keep how it was written,
 * such as 12.50. */
json
named_parameters(const ContentNode &named)
{
	named.expect_object();
	json list = json::array();
	for (const auto &[name, value] : named.value().items()) {
		if (!value.is_string())
			refuse_content(named.path() + " parameter " + quote_name(name) + " is not a text",
			               "It must be a JSON string.");
		json parameter = text_parameter(value.get<std::string>());
		parameter["parameter_name"] = name;
		list.push_back(std::move(parameter));
	}
	return list;
}

json
header_component(const ContentNode &header)
{
	json parameter;
	if (header.is_string()) {
		parameter = text_parameter(header.value().get<std::string>());
	} else {
		header.expect_object();
		if (header.value().size() != 1)
			refuse_content(header.path() + " needs one member",
			               "It is a text, or an object with one of image, video, document, "
			               "location, product and text.");
		const std::string type = header.value().begin().key();
		parameter = {{"type", type}, {type, header.value().begin().value()}};
		/* {"text": {"cliente": "Ana"}}: a named one */
		if (type == "text" && header.value().begin().value().is_object()) {
			json named = named_parameters(header.required_member("text"));
			if (named.size() != 1)
				refuse_content(header.path() + " needs one parameter",
				               "A header of text has one placeholder at most.");
			parameter = std::move(named[0]);
		}
	}
	return {{"type", "header"}, {"parameters", json::array({std::move(parameter)})}};
}

/* {"url": "suffix"} and its kin. */
json
button_component(const ContentNode &button, std::size_t place)
{
	static constexpr struct {
		const char *member; /* of what the caller gives */
		const char *sub_type;
		const char *type; /* of the parameter */
	} kinds[] = {{"url", "url", "text"},
	             {"payload", "quick_reply", "payload"},
	             {"coupon_code", "copy_code", "coupon_code"},
	             {"flow", "flow", "action"},
	             {"catalog", "catalog", "action"},
	             {"mpm", "mpm", "action"},
	             {"voice_call", "voice_call", "ttl_minutes"}};
	button.expect_object();
	for (const auto &kind : kinds) {
		if (button.value().size() != 1 || !button.value().contains(kind.member))
			continue;
		json component = {
		    {"type", "button"}, {"sub_type", kind.sub_type}, {"index", std::to_string(place)}};
		const json &value = button.value()[kind.member];
		component["parameters"] = json::array({{{"type", kind.type}, {kind.type, value}}});
		return component;
	}
	refuse_content(button.path() + " is not understood",
	               "It is null, or an object with one of url, payload, coupon_code, flow, catalog, "
	               "mpm and voice_call.");
}

void
add_buttons(json &components, const ContentNode &buttons)
{
	const std::vector<ContentNode> list = buttons.elements(0, 10);
	for (std::size_t i = 0; i < list.size(); i++)
		if (!list[i].value().is_null())
			components.push_back(button_component(list[i], i));
}

json
body_component(json parameters)
{
	return {{"type", "body"}, {"parameters", std::move(parameters)}};
}

json
card_components(const ContentNode &card)
{
	json components = json::array();
	card.expect_members({"header", "parameters", "named", "buttons"});
	if (const auto header = card.optional_member("header"))
		components.push_back(header_component(*header));
	const auto named = card.optional_member("named");
	const auto positional = card.optional_member("parameters");
	if (named && positional)
		throw Fault(sqlstate::parameter_mismatch,
		            card.path() + " has both named and positional parameters");
	if (named)
		components.push_back(body_component(named_parameters(*named)));
	if (positional) {
		json parameters = json::array();
		for (const ContentNode &text : positional->elements(0, max_parameters)) {
			if (!text.is_string())
				refuse_content(text.path() + " is not a text", "It must be a JSON string.");
			parameters.push_back(text_parameter(text.value().get<std::string>()));
		}
		components.push_back(body_component(std::move(parameters)));
	}
	if (const auto buttons = card.optional_member("buttons"))
		add_buttons(components, *buttons);
	return components;
}

json
carousel_component(const ContentNode &cards)
{
	json list = json::array();
	for (const ContentNode &card : cards.elements(1, 10)) {
		const std::size_t place = list.size();
		list.push_back({{"card_index", place},
		                {"components", card_components(ContentNode(
		                                   card.value(), "card " + std::to_string(place)))}});
	}
	return {{"type", "carousel"}, {"cards", std::move(list)}};
}

bool
is_emoji(char32_t c) noexcept
{
	return c == 0x203C || c == 0x2049 || (c >= 0x2190 && c <= 0x21FF) ||
	       (c >= 0x2300 && c <= 0x23FF) || (c >= 0x2600 && c <= 0x27BF) ||
	       (c >= 0x2B00 && c <= 0x2BFF) || c >= 0x1F000;
}

/* Meta refuses a one-time code that has a web address or an emoji in it. */
void
check_code(std::string_view code)
{
	check_content_text("code", code, max_code_characters);
	bool has_other = code.find("://") != std::string_view::npos;
	for (std::size_t at = 0; at < code.size();) {
		const Utf8Character character = decode_utf8(code.substr(at));
		has_other = has_other || is_emoji(character.code_point);
		at += character.length;
	}
	if (has_other)
		refuse_content("code has an address or an emoji",
		               "The platform takes neither in a one-time code.");
}

/* The code stands in the body and once more in the button. All three kinds of that button (copy
 * code, one tap, zero tap) are sent as one of sub_type url. */
void
add_code(json &components, std::string_view code)
{
	check_code(code);
	const json parameters = json::array({text_parameter(std::string(code))});
	components.push_back(body_component(parameters));
	components.push_back(
	    {{"type", "button"}, {"sub_type", "url"}, {"index", "0"}, {"parameters", parameters}});
}

void
add_body(json &components, const TemplateMessage &message)
{
	const bool positional = !message.parameters.empty();
	if (positional + !message.named.empty() + !message.code.empty() > 1)
		throw Fault(sqlstate::parameter_mismatch, "message has parameters of more than one kind",
		            "A template has positional parameters, named ones, or a code.");
	if (positional) {
		json parameters = json::array();
		for (std::size_t i = 0; i < message.parameters.size(); i++) {
			/* of a caller, hence maybe not UTF-8: checked before the tree is printed */
			check_parameter("parameter " + std::to_string(i + 1), message.parameters[i]);
			parameters.push_back(text_parameter(message.parameters[i]));
		}
		components.push_back(body_component(std::move(parameters)));
	} else if (!message.named.empty()) {
		json parameters = json::array();
		for (const NamedParameter &named : message.named) {
			/* of a caller, as above */
			check_parameter(named.name, named.text);
			json parameter = text_parameter(named.text);
			parameter["parameter_name"] = named.name;
			parameters.push_back(std::move(parameter));
		}
		components.push_back(body_component(std::move(parameters)));
	} else if (!message.code.empty()) {
		add_code(components, message.code);
	}
}

} // namespace

std::string
template_message_payload(const TemplateMessage &message)
{
	check_template_name(message.name);
	check_language(message.language);
	if (message.parameters.size() > max_parameters)
		throw Fault(sqlstate::parameter_mismatch, "too many template parameters",
		            "The message has " + std::to_string(message.parameters.size()) +
		                " parameters, and at most " + std::to_string(max_parameters) +
		                " are possible.");
	json components = json::array();
	if (!message.header.empty()) {
		const json header = read_content("header", message.header);
		components.push_back(header_component(ContentNode(header, "header")));
	}
	add_body(components, message);
	if (!message.buttons.empty()) {
		const json buttons = read_content("buttons", message.buttons);
		add_buttons(components, ContentNode(buttons, "buttons"));
	}
	if (message.offer_ends_ms)
		components.push_back(
		    {{"type", "limited_time_offer"},
		     {"parameters", json::array({{{"type", "limited_time_offer"},
		                                  {"limited_time_offer",
		                                   {{"expiration_time_ms", *message.offer_ends_ms}}}}})}});
	if (!message.cards.empty()) {
		const json cards = read_content("cards", message.cards);
		components.push_back(carousel_component(ContentNode(cards, "cards")));
	}
	if (!message.components.empty()) {
		const json more = read_content("components", message.components);
		for (const ContentNode &one : ContentNode(more, "components").elements(0, 20))
			components.push_back(one.value());
	}

	json content = {{"name", message.name}, {"language", {{"code", message.language}}}};
	if (!components.empty())
		content["components"] = std::move(components);
	check_template_content(ContentNode(content, "template"));
	json payload = {{"type", "template"}, {"template", std::move(content)}};
	if (!message.reply_to.empty()) {
		check_wamid("reply_to", message.reply_to);
		payload["context"] = {{"message_id", message.reply_to}};
	}
	return to_jsonb_text(payload);
}

std::string
document_header(std::string_view id, std::string_view filename)
{
	std::string header = R"({"document":{"id":)";
	append_json_string(header, id);
	header += R"(,"filename":)";
	append_json_string(header, filename);
	header += "}}";
	return header;
}

} // namespace whatsapp
