/*
 * interactive.cpp — buttons, lists, flows, products and cards outside of templates.
 *
 * The object goes to the platform as it was given. What is checked: the type, what each type
 * requires, and the limits that Meta publishes. Meta does not say what the action of
 * request_contact_info holds, so only its body and footer are checked.
 */
#include <algorithm>
#include <set>

#include "core/base/json_tree.hpp"

#include "core/base/redact.hpp"
#include "core/message/content.hpp"
#include "core/message/content_types.hpp"
#include "core/message/free_form.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_body = 1024;
constexpr std::size_t max_list_body = 4096;
constexpr std::size_t max_card_body = 160;
constexpr std::size_t max_short_text = 60; /* header and footer */
constexpr std::size_t max_button_title = 20;
constexpr std::size_t max_reply_buttons = 3;
constexpr std::size_t max_button_id = 256;
constexpr std::size_t max_row_id = 200;
constexpr std::size_t max_row_title = 24;
constexpr std::size_t max_row_description = 72;
constexpr std::size_t max_sections = 10;
constexpr std::size_t max_rows = 10;
constexpr std::size_t max_products = 30;
constexpr std::size_t max_id = 256; /* of catalogs, products and flows; Meta publishes none */

void
refuse_repeated(std::set<std::string> &seen, const std::string &path, const std::string &text)
{
	if (!seen.insert(text).second)
		refuse_content(path + " is given twice", "Each must be another one.");
}

/* {"type":"image","image":{…}} and its kin. */
void
check_header(const ContentNode &header, const std::vector<const char *> &types)
{
	const std::string type = header.required_member("type").required_text(max_short_text);
	if (std::none_of(types.begin(), types.end(), [&](const char *one) { return type == one; })) {
		std::string list;
		for (const char *one : types)
			list += (list.empty() ? "" : ", ") + std::string(one);
		refuse_content("header type " + quote_name(type) + " is not possible here",
		               "The types are " + list + ".");
	}
	const ContentNode content = header.required_member(type.c_str());
	if (type == "text")
		(void)content.required_text(max_short_text);
	else if (type == "image")
		check_image_content(ContentNode(content.value(), "image"));
	else if (type == "video")
		check_video_content(ContentNode(content.value(), "video"));
	else
		check_document_content(ContentNode(content.value(), "document"));
}

void
check_body(const ContentNode &interactive, std::size_t limit, bool required)
{
	const auto body =
	    required ? interactive.required_member("body") : interactive.optional_member("body");
	if (body)
		(void)body->required_member("text").required_text(limit);
	if (const auto footer = interactive.optional_member("footer"))
		(void)footer->required_member("text").required_text(max_short_text);
}

void
check_action_name(const ContentNode &action, const char *name)
{
	const ContentNode given = action.required_member("name");
	if (given.value() != name)
		refuse_content(given.path() + " is wrong",
		               "For this type it must be " + quote_name(name) + ".");
}

/* A word that may be left out. */
void
check_choice(const ContentNode &object, const char *name, const std::vector<const char *> &words)
{
	const auto given = object.optional_member(name);
	if (!given || std::any_of(words.begin(), words.end(),
	                          [&given](const char *word) { return given->value() == word; }))
		return;
	std::string list;
	for (const char *word : words)
		list += (list.empty() ? "" : " or ") + quote_name(word);
	refuse_content(given->path() + " is wrong", "It must be " + list + ".");
}

void
check_url_parameters(const ContentNode &action)
{
	check_action_name(action, "cta_url");
	const ContentNode parameters = action.required_member("parameters");
	(void)parameters.required_member("display_text").required_text(max_button_title);
	const ContentNode url = parameters.required_member("url");
	check_content_link(url.path(), url.required_text(max_list_body), false);
}

/* "buttons": [{"type":"reply","reply":{"id","title"}}]; the cards of a carousel have "quick_reply"
 * in place of "reply". */
void
check_reply_buttons(const ContentNode &action, const char *type)
{
	std::set<std::string> ids;
	std::set<std::string> titles;
	for (const ContentNode &button :
	     action.required_member("buttons").elements(1, max_reply_buttons)) {
		const ContentNode kind = button.required_member("type");
		if (kind.value() != type)
			refuse_content(kind.path() + " is wrong", "It must be " + quote_name(type) + ".");
		const ContentNode reply = button.required_member(type);
		const ContentNode id = reply.required_member("id");
		const ContentNode title = reply.required_member("title");
		refuse_repeated(ids, id.path(), id.required_text(max_button_id));
		refuse_repeated(titles, title.path(), title.required_text(max_button_title));
	}
}

void
check_buttons(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	if (const auto header = interactive.optional_member("header"))
		check_header(*header, {"text", "image", "video", "document"});
	check_reply_buttons(action, "reply");
}

void
check_section_title(const ContentNode &section, bool required)
{
	const auto title =
	    required ? section.required_member("title") : section.optional_member("title");
	if (title)
		(void)title->required_text(max_row_title);
}

void
check_list(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_list_body, true);
	if (const auto header = interactive.optional_member("header"))
		check_header(*header, {"text"});
	(void)action.required_member("button").required_text(max_button_title);
	const ContentNode list = action.required_member("sections");
	const std::vector<ContentNode> sections = list.elements(1, max_sections);
	std::set<std::string> ids;
	for (const ContentNode &section : sections) {
		check_section_title(section, sections.size() > 1);
		for (const ContentNode &row : section.required_member("rows").elements(1, max_rows)) {
			const ContentNode id = row.required_member("id");
			refuse_repeated(ids, id.path(), id.required_text(max_row_id));
			(void)row.required_member("title").required_text(max_row_title);
			if (const auto description = row.optional_member("description"))
				(void)description->required_text(max_row_description);
		}
	}
	if (ids.size() > max_rows)
		refuse_content(list.path() + " has too many rows", "It has " + std::to_string(ids.size()) +
		                                                       " in all, and the platform takes " +
		                                                       std::to_string(max_rows) + ".");
}

void
check_url_button(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	if (const auto header = interactive.optional_member("header"))
		check_header(*header, {"text", "image", "video", "document"});
	check_url_parameters(action);
}

void
check_flow(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	if (const auto header = interactive.optional_member("header"))
		check_header(*header, {"text", "image", "video", "document"});
	check_action_name(action, "flow");
	const ContentNode parameters = action.required_member("parameters");
	(void)parameters.required_member("flow_message_version").required_id(max_id);
	(void)parameters.required_member("flow_cta").required_text(max_short_text);
	const bool by_id = parameters.optional_member("flow_id").has_value();
	if (by_id == parameters.optional_member("flow_name").has_value())
		refuse_content(parameters.path() + " needs either flow_id or flow_name",
		               by_id ? "It has both." : "It has neither.");
	check_choice(parameters, "mode", {"draft", "published"});
	check_choice(parameters, "flow_action", {"navigate", "data_exchange"});
}

void
check_location_request(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	check_action_name(action, "send_location");
}

void
check_address(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	check_action_name(action, "address_message");
	const ContentNode country = action.required_member("parameters").required_member("country");
	if (country.value() != "IN")
		refuse_content(country.path() + " is wrong",
		               "The platform asks for addresses in India alone, \"IN\".");
}

void
check_product(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, false);
	(void)action.required_member("catalog_id").required_id(max_id);
	(void)action.required_member("product_retailer_id").required_name(max_id);
}

void
check_product_list(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	check_header(interactive.required_member("header"), {"text"});
	(void)action.required_member("catalog_id").required_id(max_id);
	check_product_sections(action.required_member("sections"));
}

void
check_catalog(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	check_action_name(action, "catalog_message");
}

void
check_media_card(const ContentNode &card)
{
	check_header(card.required_member("header"), {"image", "video"});
	if (const auto body = card.optional_member("body"))
		(void)body->required_member("text").required_text(max_card_body);
	const ContentNode action = card.required_member("action");
	if (action.optional_member("buttons"))
		check_reply_buttons(action, "quick_reply");
	else
		check_url_parameters(action);
}

void
check_product_card(const ContentNode &card)
{
	const ContentNode action = card.required_member("action");
	(void)action.required_member("catalog_id").required_id(max_id);
	(void)action.required_member("product_retailer_id").required_name(max_id);
}

void
check_carousel(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	for (const char *part : {"header", "footer"})
		if (interactive.optional_member(part))
			refuse_content(interactive.path() + " has a " + part,
			               "Beside the cards of a carousel stands a body only.");
	std::string buttons;
	long long place = 0;
	for (const ContentNode &card :
	     action.required_member("cards").elements(2, max_carousel_cards)) {
		const ContentNode index = card.required_member("card_index");
		if (index.value() != place)
			refuse_content(index.path() + " is wrong",
			               "Cards are counted from 0; here it must be " + std::to_string(place) +
			                   ".");
		const ContentNode kind = card.required_member("type");
		const std::string type = kind.required_id(max_id);
		if (type == "product")
			check_product_card(card);
		else if (type == "cta_url")
			check_media_card(card);
		else
			refuse_content(kind.path() + " is wrong",
			               "A card is of type cta_url, with an address or with replies, or of "
			               "type product.");
		const auto replies = card.required_member("action").optional_member("buttons");
		const std::string set =
		    type + (replies ? std::to_string(replies->elements(1, max_reply_buttons).size()) : "");
		if (place > 0 && set != buttons)
			refuse_content(card.path() + " has other buttons than the first card",
			               "All cards have the same kind and number of buttons.");
		buttons = set;
		place++;
	}
}

struct InteractiveRule {
	const char *type;
	void (*check)(const ContentNode &interactive, const ContentNode &action);
};

void
check_body_only(const ContentNode &interactive, const ContentNode &action)
{
	action.expect_object();
	check_body(interactive, max_body, true);
}

void
check_call(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, true);
	check_action_name(action, "voice_call");
	const auto parameters = action.optional_member("parameters");
	if (!parameters)
		return;
	if (const auto text = parameters->optional_member("display_text"))
		(void)text->required_text(max_button_title);
	const auto minutes = parameters->optional_member("ttl_minutes");
	if (minutes && (!minutes->value().is_number_integer() || minutes->value() < 1))
		refuse_content(minutes->path() + " is wrong", "It is a number of minutes.");
}

void
check_call_permission(const ContentNode &interactive, const ContentNode &action)
{
	check_body(interactive, max_body, false);
	check_action_name(action, "call_permission_request");
}

const InteractiveRule interactive_rules[] = {
    {"button", check_buttons},
    {"list", check_list},
    {"cta_url", check_url_button},
    {"flow", check_flow},
    {"location_request_message", check_location_request},
    {"address_message", check_address},
    {"product", check_product},
    {"product_list", check_product_list},
    {"catalog_message", check_catalog},
    {"carousel", check_carousel},
    {"voice_call", check_call},
    {"call_permission_request", check_call_permission},
    {"request_contact_info", check_body_only},
};

} // namespace

void
check_product_sections(const ContentNode &list)
{
	const std::vector<ContentNode> sections = list.elements(1, max_sections);
	std::size_t products = 0;
	for (const ContentNode &section : sections) {
		check_section_title(section, sections.size() > 1);
		for (const ContentNode &item :
		     section.required_member("product_items").elements(1, max_products)) {
			(void)item.required_member("product_retailer_id").required_name(max_id);
			products++;
		}
	}
	if (products > max_products)
		refuse_content(list.path() + " has too many products",
		               "It has " + std::to_string(products) + " in all, and the platform takes " +
		                   std::to_string(max_products) + ".");
}

void
check_interactive_content(const ContentNode &interactive)
{
	const std::string type = interactive.required_member("type").required_id(max_short_text);
	const ContentNode action = interactive.required_member("action");
	std::string names;
	for (const InteractiveRule &rule : interactive_rules) {
		if (type == rule.type)
			return rule.check(interactive, action);
		names += (names.empty() ? "" : ", ") + std::string(rule.type);
	}
	refuse_content("interactive type " + quote_name(type) + " does not exist",
	               "The types are " + names + ".");
}

} // namespace whatsapp
