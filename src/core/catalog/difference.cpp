/*
 * difference.cpp — both sides are taken apart into named parts, made alike, and compared.
 */
#include "core/catalog/difference.hpp"

#include <map>
#include <set>

#include "core/base/json_tree.hpp"

#include "core/base/ascii.hpp"
#include "core/base/json_bounded.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/components_read.hpp"
#include "core/message/content.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* name of a part ("header", "button 0", "card 1 body") → its members */
using Parts = std::map<std::string, json>;

/* Line ends become \n, as Meta keeps them, and white space at the end is removed. */
std::string
plain_text(const std::string &text)
{
	std::string plain;
	for (std::size_t i = 0; i < text.size(); i++)
		if (text[i] != '\r')
			plain += text[i];
		else if (i + 1 == text.size() || text[i + 1] != '\n')
			plain += '\n';
	const std::size_t end = plain.find_last_not_of(" \t\n");
	return end == std::string::npos ? std::string() : plain.substr(0, end + 1);
}

/* Without type and examples; null is absent, and words of the API are in capitals. */
json
plain_members(const json &object)
{
	json plain = json::object();
	for (const auto &[name, value] : object.items()) {
		if (name == "type" || name == "example" || value.is_null())
			continue;
		if (name == "format" || name == "otp_type" || name == "flow_action")
			plain[name] = type_of({{"type", value}});
		else if (value.is_string())
			plain[name] = plain_text(value.get<std::string>());
		else
			plain[name] = value;
	}
	return plain;
}

/* The button that gives a code is listed as a URL, and its type stands in the address. */
json
code_button(const json &button)
{
	json plain = plain_members(button);
	plain["type"] = "OTP";
	if (plain.contains("otp_type") || !plain.contains("url"))
		return plain;
	const std::string url = plain["url"].get<std::string>();
	static constexpr char key[] = "otp_type=";
	const std::size_t at = url.find(key);
	if (at != std::string::npos) {
		const std::size_t from = at + sizeof key - 1;
		plain["otp_type"] = url.substr(from, url.find('&', from) - from);
	}
	plain.erase("url");
	return plain;
}

void
take_buttons(Parts &parts, const std::string &where, const json &component, bool code)
{
	const json *list = member(component, "buttons");
	if (list == nullptr || !list->is_array())
		return;
	std::size_t place = 0;
	for (const json &button : *list) {
		if (!button.is_object())
			continue;
		json plain = code ? code_button(button) : plain_members(button);
		if (!code)
			plain["type"] = type_of(button);
		parts[where + "button " + std::to_string(place++)] = std::move(plain);
	}
}

void take_components(Parts &parts, const std::string &where, const json &components, bool code);

void
take_component(Parts &parts, const std::string &where, const json &component, bool code)
{
	const std::string type = type_of(component);
	if (type == "BUTTONS")
		return take_buttons(parts, where, component, code);
	if (type == "CAROUSEL") {
		const json *cards = member(component, "cards");
		std::size_t place = 0;
		if (cards != nullptr && cards->is_array())
			for (const json &card : *cards)
				if (const json *inner = member(card, "components"))
					take_components(parts, "card " + std::to_string(place++) + " ", *inner, code);
		return;
	}
	json plain = plain_members(component);
	if (type == "HEADER" && !plain.contains("format"))
		plain["format"] = "TEXT";
	if (code) {
		/* Meta has written it, in the language of the template */
		plain.erase("text");
		if (type == "BODY" && !plain.contains("add_security_recommendation"))
			plain["add_security_recommendation"] = false;
	}
	parts[lower_case_of(where + type)] = std::move(plain);
}

void
take_components(Parts &parts, const std::string &where, const json &components, bool code)
{
	if (components.is_array())
		for (const json &component : components)
			if (component.is_object())
				take_component(parts, where, component, code);
}

/* Of a one-time code's button, what Meta does not list cannot be compared. */
bool
is_hidden(const std::string &name)
{
	return name == "supported_apps" || name == "autofill_text" || name == "zero_tap_terms_accepted";
}

/* What Meta adds beside what was asked for is no difference; but a text or an address is. */
bool
same_part(const json &wanted, const json &live, bool code)
{
	for (const auto &[name, value] : wanted.items())
		if (!live.contains(name) ? !(code && is_hidden(name)) : live[name] != value)
			return false;
	for (const char *name : {"text", "url", "phone_number", "format"})
		if (!code && live.contains(name) && !wanted.contains(name))
			return false;
	return true;
}

/* Where the definition has a copy-code button without a text, Meta has written one: that is no
 * difference. */
void
drop_given_texts(const Parts &wanted, Parts &live)
{
	for (const auto &[name, part] : wanted)
		if (part.value("type", "") == "COPY_CODE" && !part.contains("text") &&
		    live.count(name) != 0)
			live[name].erase("text");
}

json
difference_of(const std::string &component, const json *wanted, const json *live)
{
	return {{"component", component},
	        {"wanted", wanted == nullptr ? json() : *wanted},
	        {"live", live == nullptr ? json() : *live}};
}

} // namespace

std::string
definition_difference(std::string_view wanted, std::string_view components,
                      std::string_view category)
{
	const json definition = read_content("definition", wanted);
	const json listed = components.empty() ? json::array() : read_content("components", components);
	const json *wanted_category = member(definition, "category");
	const json own =
	    wanted_category == nullptr ? json("") : json(type_of({{"type", *wanted_category}}));
	const bool code = own == "AUTHENTICATION";

	Parts wanted_parts;
	Parts live_parts;
	if (const json *list = member(definition, "components"))
		take_components(wanted_parts, "", *list, code);
	take_components(live_parts, "", listed, code);
	drop_given_texts(wanted_parts, live_parts);

	json differences = json::array();
	if (!category.empty() && own != json(category)) {
		const json live = category;
		differences.push_back(difference_of("category", &own, &live));
	}
	std::set<std::string> names;
	for (const auto &[name, part] : wanted_parts)
		names.insert(name);
	for (const auto &[name, part] : live_parts)
		names.insert(name);
	for (const std::string &name : names) {
		const auto a = wanted_parts.find(name);
		const auto b = live_parts.find(name);
		const bool both = a != wanted_parts.end() && b != live_parts.end();
		if (!both || !same_part(a->second, b->second, code))
			differences.push_back(difference_of(name,
			                                    a == wanted_parts.end() ? nullptr : &a->second,
			                                    b == live_parts.end() ? nullptr : &b->second));
	}
	return to_jsonb_text(differences);
}

namespace
{

void
append_names(std::string &lines, const std::string &label, const TemplateText &text)
{
	if (text.placeholders.empty())
		return;
	lines += (lines.empty() ? "" : "\n") + label + ":";
	for (const std::string &name : text.placeholders)
		lines += " " + name;
}

void
append_card(std::string &lines, const std::string &where, const TemplateCard &card)
{
	append_names(lines, where + "header", card.header);
	if (!card.header_format.empty() && card.header_format != "TEXT")
		lines += (lines.empty() ? "" : "\n") + where + "header: " + card.header_format;
	append_names(lines, where + "body", card.body);
	std::size_t place = 0;
	for (const TemplateButton &button : card.buttons) {
		if (button.variable)
			lines += (lines.empty() ? "" : "\n") + where + "button " + std::to_string(place) +
			         ": variable";
		place++;
	}
}

} // namespace

std::string
definition_placeholders(std::string_view definition)
{
	const json tree = read_content("definition", definition);
	const json *components = member(tree, "components");
	if (components == nullptr)
		return {};
	const TemplateDefinition read = read_components(*components);
	std::string lines;
	append_card(lines, "", read.whole);
	std::size_t place = 0;
	for (const TemplateCard &card : read.cards)
		append_card(lines, "card " + std::to_string(place++) + " ", card);
	return lines;
}

} // namespace whatsapp
