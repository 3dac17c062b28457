/*
 * card_check.cpp — limited-time offers and carousels.
 */
#include "core/base/counted_noun.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_offer_text = 16;
constexpr std::size_t min_cards = 2;
constexpr std::size_t max_cards = 10;
constexpr std::size_t max_card_body = 160;

void
check_offer_component(const json &component, const FindingPlace &place)
{
	expect_members(component, place, {"type", "limited_time_offer"});
	const auto found = component.find("limited_time_offer");
	if (found == component.end())
		return place.note_finding(Rule::missing_member, "\"limited_time_offer\" is missing.");
	if (!is_object(*found, place))
		return;
	expect_members(*found, place, {"text", "has_expiration"});
	if (const std::string *text = text_member(*found, "text", place)) {
		if (!has_visible_text(*text))
			place.note_finding(Rule::text_empty, "The offer has no text.");
		check_length(*text, max_offer_text, Rule::offer_text_too_long, place, "The offer's text");
	}
	const auto expires = found->find("has_expiration");
	if (expires != found->end() && !expires->is_boolean())
		place.note_finding(Rule::wrong_type, "\"has_expiration\" must be true or false.");
}

/* What all cards must have alike: "HEADER IMAGE, BODY, BUTTONS URL QUICK_REPLY". */
std::string
layout_of(const json &components)
{
	std::string layout;
	for (const json &component : components) {
		layout += (layout.empty() ? "" : ", ") + type_of(component);
		if (!component.is_object())
			continue;
		if (component.contains("format"))
			layout += " " + type_of({{"type", component["format"]}});
		if (component.contains("buttons") && component["buttons"].is_array())
			for (const json &button : component["buttons"])
				layout += " " + type_of(button);
	}
	return layout;
}

void
check_card(const json &components, const FindingPlace &place, const TemplateTraits &traits)
{
	const std::string where = place.component + " ";
	bool header = false;
	for (const json &component : components) {
		const std::string type = type_of(component);
		if (type == "HEADER") {
			const FindingPlace part = place.part(where + "header");
			header = true;
			const std::string format = word_member(component, "format", part);
			if (format != "IMAGE" && format != "VIDEO" && format != "PRODUCT")
				part.note_finding(Rule::card_header, "The format is " + quote_name(format) + ".");
			else
				check_header(component, part, traits);
		} else if (type == "BODY") {
			check_body(component, place.part(where + "body"), traits, max_card_body,
			           Rule::card_body_too_long);
		} else if (type == "BUTTONS") {
			check_buttons(component, place.part(where + "buttons"), traits, where);
		} else {
			place.note_finding(Rule::card_component_not_allowed,
			                   "The component " + quote_name(type) + " is not possible.");
		}
	}
	if (!header)
		place.note_finding(Rule::card_header, "The card has no header.");
}

void
check_cards(const json &carousel, const FindingPlace &place, const TemplateTraits &traits)
{
	expect_members(carousel, place, {"type", "cards"});
	const json *cards = list_member(carousel, "cards", place);
	if (cards == nullptr)
		return;
	if (cards->size() < min_cards || cards->size() > max_cards)
		place.note_finding(Rule::card_count,
		                   "There are " + counted_noun(cards->size(), "card") + ".");
	std::string layout;
	for (std::size_t i = 0; i < cards->size(); i++) {
		const FindingPlace one = place.part("card " + std::to_string(i));
		if (!is_object((*cards)[i], one))
			continue;
		expect_members((*cards)[i], one, {"components"});
		const json *components = list_member((*cards)[i], "components", one);
		if (components == nullptr)
			continue;
		check_card(*components, one, traits);
		const std::string own = layout_of(*components);
		if (layout.empty())
			layout = own;
		else if (layout != own)
			one.note_finding(Rule::card_layout_differs,
			                 "It has " + own + ", and card 0 has " + layout + ".");
	}
}

} // namespace

void
check_offer(const json &components, const FindingPlace &place)
{
	for (const json &component : components) {
		const std::string type = type_of(component);
		if (type == "LIMITED_TIME_OFFER")
			check_offer_component(component, place.part("limited_time_offer"));
		if (type == "FOOTER")
			place.part("footer").note_finding(Rule::offer_footer_not_allowed, "There is a footer.");
		if (type != "HEADER")
			continue;
		const FindingPlace header = place.part("header");
		const std::string format = word_member(component, "format", header);
		if (format != "IMAGE" && format != "VIDEO")
			header.note_finding(Rule::offer_header, "The format is " + quote_name(format) + ".");
	}
}

void
check_carousel(const json &components, const FindingPlace &place, const TemplateTraits &traits)
{
	for (const json &component : components) {
		const std::string type = type_of(component);
		if (type == "CAROUSEL")
			check_cards(component, place.part("carousel"), traits);
		else if (type != "BODY")
			place.note_finding(Rule::card_component_not_allowed,
			                   "The component " + quote_name(type) + " stands beside a carousel.");
	}
}

} // namespace whatsapp
