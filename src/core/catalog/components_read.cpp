/*
 * components_read.cpp — components into a structure.
 */
#include "core/catalog/components_read.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"
#include "core/message/content.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

std::string
text_in(const json &object, const char *name)
{
	const json *value = member(object, name);
	return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

TemplateText
read_text(std::string text)
{
	TemplateText read;
	read.placeholders = placeholder_names(scan_placeholders(text));
	read.text = std::move(text);
	return read;
}

TemplateButton
read_button(const json &button)
{
	TemplateButton read;
	read.type = type_of(button);
	read.text = text_in(button, "text");
	read.url = text_in(button, "url");
	read.phone_number = text_in(button, "phone_number");
	read.variable = read.url.find("{{") != std::string::npos;
	read.code =
	    read.type == "OTP" ||
	    (read.type == "URL" && read.url.compare(0, 34, "https://www.whatsapp.com/otp/code/") == 0);
	return read;
}

/* One of those that a card may have, too. */
void
read_card_component(const json &component, TemplateCard &card)
{
	const std::string type = type_of(component);
	if (type == "HEADER") {
		const json *format = member(component, "format");
		card.header_format = format == nullptr ? "TEXT" : type_of({{"type", *format}});
		card.header = read_text(text_in(component, "text"));
	} else if (type == "BODY") {
		card.body = read_text(text_in(component, "text"));
	} else if (type == "BUTTONS") {
		const json *list = member(component, "buttons");
		if (list != nullptr && list->is_array())
			for (const json &button : *list)
				card.buttons.push_back(read_button(button));
	}
}

TemplateCard
read_card(const json &card)
{
	TemplateCard read;
	const json *components = member(card, "components");
	if (components != nullptr && components->is_array())
		for (const json &component : *components)
			read_card_component(component, read);
	return read;
}

} // namespace

TemplateDefinition
read_components(const json &components)
{
	TemplateDefinition definition;
	if (!components.is_array())
		return definition;
	for (const json &component : components) {
		read_card_component(component, definition.whole);
		const std::string type = type_of(component);
		if (type == "FOOTER")
			definition.footer = text_in(component, "text");
		if (type == "LIMITED_TIME_OFFER") {
			const json *offer = member(component, "limited_time_offer");
			definition.has_offer = true;
			if (offer != nullptr) {
				definition.offer = text_in(*offer, "text");
				const json *expires = member(*offer, "has_expiration");
				definition.offer_expires = expires != nullptr && *expires == json(true);
			}
		}
		const json *cards = member(component, "cards");
		if (type == "CAROUSEL" && cards != nullptr && cards->is_array())
			for (const json &card : *cards)
				definition.cards.push_back(read_card(card));
	}
	return definition;
}

TemplateDefinition
read_template_definition(std::string_view components)
{
	if (components.empty())
		return {};
	const json tree = read_content("components", components);
	return read_components(tree);
}

} // namespace whatsapp
