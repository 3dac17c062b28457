/*
 * message_review.cpp: what Meta's documentation asks of text, media, places, cards of people,
 * reactions and interactive messages (2026-11).
 *
 * Written from the documentation and from nothing else: a client's own rules are tried against
 * these.
 */
#include "message_review.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <set>
#include <string_view>

#include <nlohmann/json.hpp>

#include "demand.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

constexpr int wrong_shape = 100;
constexpr int lacks_parameter = 131008;
constexpr int wrong_value = 131009;

/* where is a view: newer compilers take a reference to a text for what the result may point into.
 */
const json &
member_of(const json &object, const char *name, std::string_view where)
{
	static const json nothing;
	demand(object.is_object(), wrong_shape, std::string(where) + " is an object");
	const auto found = object.find(name);
	return found == object.end() ? nothing : *found;
}

const json &
object_of(const json &object, const char *name, std::string_view where)
{
	const json &found = member_of(object, name, where);
	demand(found.is_object(), lacks_parameter,
	       std::string(where) + "." + name + " is a required object");
	return found;
}

bool
is_blank(const std::string &text)
{
	return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

std::string
required_text(const json &object, const char *name, size_t most, const std::string &where)
{
	const json &found = member_of(object, name, where);
	demand(found.is_string() && !is_blank(found.get<std::string>()), lacks_parameter,
	       where + "." + name + " is a required text");
	demand(characters(found.get<std::string>()) <= most, wrong_value,
	       where + "." + name + " has at most " + std::to_string(most) + " characters");
	return found.get<std::string>();
}

void
optional_text(const json &object, const char *name, size_t most, const std::string &where)
{
	if (!member_of(object, name, where).is_null())
		(void)required_text(object, name, most, where);
}

/* An id is a text, or a number. */
void
required_id(const json &object, const char *name, const std::string &where)
{
	const json &found = member_of(object, name, where);
	demand((found.is_string() && !is_blank(found.get<std::string>())) || found.is_number_integer(),
	       lacks_parameter, where + "." + name + " is required");
}

const json &
list_of(const json &object, const char *name, size_t most, std::string_view where)
{
	const json &found = member_of(object, name, where);
	demand(found.is_array() && !found.empty(), lacks_parameter,
	       std::string(where) + "." + name + " is a required list");
	demand(found.size() <= most, wrong_value,
	       std::string(where) + "." + name + " has at most " + std::to_string(most) + " elements");
	return found;
}

void
named_action(const json &action, const char *name)
{
	demand(member_of(action, "name", "action") == name, wrong_value,
	       std::string("action.name is ") + name);
}

void
known_members(const json &object, std::initializer_list<const char *> names,
              const std::string &where)
{
	demand(object.is_object(), wrong_shape, std::string(where) + " is an object");
	for (auto item = object.begin(); item != object.end(); ++item)
		demand(std::any_of(names.begin(), names.end(),
		                   [&item](const char *known) { return item.key() == known; }),
		       wrong_shape, "Unexpected key \"" + item.key() + "\" on param \"" + where + "\"");
}

void
number_within(const json &object, const char *name, double most, const std::string &where)
{
	const json &found = member_of(object, name, where);
	double value = most + 1;
	if (found.is_number())
		value = found.get<double>();
	else if (found.is_string())
		value = std::strtod(found.get<std::string>().c_str(), nullptr);
	demand(value >= -most && value <= most, found.is_null() ? lacks_parameter : wrong_value,
	       where + "." + name + " is a number of degrees");
}

void
review_text(const json &text)
{
	known_members(text, {"body", "preview_url"}, "text");
	const json &body = member_of(text, "body", "text");
	demand(body.is_string() && !body.get<std::string>().empty(), wrong_shape,
	       "The parameter text['body'] is required.");
	demand(characters(body.get<std::string>()) <= 4096, wrong_shape,
	       "Param text['body'] must be at most 4096 characters long.");
	const json &preview = member_of(text, "preview_url", "text");
	demand(preview.is_null() || preview.is_boolean(), wrong_shape, "text.preview_url is a boolean");
}

void
review_contacts(const json &contacts)
{
	demand(contacts.is_array() && !contacts.empty(), wrong_shape, "contacts is a list");
	demand(contacts.size() <= 257, wrong_value, "contacts has at most 257 elements");
	for (const json &contact : contacts) {
		known_members(contact, {"name", "phones", "emails", "urls", "addresses", "org", "birthday"},
		              "contacts");
		const json &name = object_of(contact, "name", "contacts");
		(void)required_text(name, "formatted_name", 10000, "contacts.name");
		bool other = false;
		for (const char *part : {"first_name", "last_name", "middle_name", "prefix", "suffix"}) {
			const json &found = member_of(name, part, "contacts.name");
			other = other || (found.is_string() && !found.get<std::string>().empty());
		}
		demand(other, lacks_parameter, "contacts.name needs one more part beside formatted_name");
	}
}

void
review_reaction(const json &reaction)
{
	known_members(reaction, {"message_id", "emoji"}, "reaction");
	(void)required_text(reaction, "message_id", 1000, "reaction");
	const json &emoji = member_of(reaction, "emoji", "reaction");
	demand(emoji.is_string() && characters(emoji.get<std::string>()) <= 20, lacks_parameter,
	       "reaction.emoji is an emoji, or empty");
}

void
review_message_header(const json &interactive, std::initializer_list<const char *> types)
{
	const json &header = member_of(interactive, "header", "interactive");
	if (header.is_null())
		return;
	const std::string type = required_text(header, "type", 60, "header");
	demand(
	    std::any_of(types.begin(), types.end(), [&type](const char *one) { return type == one; }),
	    wrong_value, "header.type " + type + " is not possible here");
	if (type == "text")
		(void)required_text(header, "text", 60, "header");
	else
		review_media(type, object_of(header, type.c_str(), "header"), "header." + type);
}

void
review_reply(const json &button, const char *type, std::set<std::string> &seen)
{
	demand(member_of(button, "type", "buttons") == type, wrong_value,
	       std::string("buttons.type is ") + type);
	const json &reply = object_of(button, type, "buttons");
	const std::string id = required_text(reply, "id", 256, "reply");
	const std::string title = required_text(reply, "title", 20, "reply");
	demand(seen.insert("id " + id).second && seen.insert("title " + title).second, wrong_value,
	       "buttons differ in their ids and titles");
}

void
review_replies(const json &action, const char *type)
{
	std::set<std::string> seen;
	for (const json &button : list_of(action, "buttons", 3, "action"))
		review_reply(button, type, seen);
}

void
review_address_of(const json &action)
{
	named_action(action, "cta_url");
	const json &parameters = object_of(action, "parameters", "action");
	(void)required_text(parameters, "display_text", 20, "parameters");
	const std::string url = required_text(parameters, "url", 10000, "parameters");
	demand(url.compare(0, 7, "http://") == 0 || url.compare(0, 8, "https://") == 0, wrong_value,
	       "parameters.url is a web address");
}

void
review_list(const json &action)
{
	(void)required_text(action, "button", 20, "action");
	const json &sections = list_of(action, "sections", 10, "action");
	std::set<std::string> ids;
	size_t rows = 0;
	for (const json &section : sections) {
		if (sections.size() > 1)
			(void)required_text(section, "title", 24, "section");
		optional_text(section, "title", 24, "section");
		for (const json &row : list_of(section, "rows", 10, "section")) {
			demand(ids.insert(required_text(row, "id", 200, "row")).second, wrong_value,
			       "rows differ in their ids");
			(void)required_text(row, "title", 24, "row");
			optional_text(row, "description", 72, "row");
			rows++;
		}
	}
	demand(rows <= 10, wrong_value, "a list has at most 10 rows in all");
}

void
review_flow(const json &action)
{
	named_action(action, "flow");
	const json &parameters = object_of(action, "parameters", "action");
	required_id(parameters, "flow_message_version", "parameters");
	(void)required_text(parameters, "flow_cta", 60, "parameters");
	demand(parameters.contains("flow_id") != parameters.contains("flow_name"), lacks_parameter,
	       "parameters has one of flow_id and flow_name");
	const json mode = parameters.value("mode", json("published"));
	demand(mode == "draft" || mode == "published", wrong_value, "mode is draft or published");
	const json act = parameters.value("flow_action", json("navigate"));
	demand(act == "navigate" || act == "data_exchange", wrong_value,
	       "flow_action is navigate or data_exchange");
}

void
review_product(const json &action)
{
	required_id(action, "catalog_id", "action");
	required_id(action, "product_retailer_id", "action");
}

std::string
review_message_card(const json &card)
{
	const json &action = object_of(card, "action", "card");
	const json &type = member_of(card, "type", "card");
	if (type == "product") {
		review_product(action);
		return "product";
	}
	demand(type == "cta_url", wrong_value, "card.type is cta_url or product");
	const json &header = object_of(card, "header", "card");
	const std::string format = required_text(header, "type", 60, "card.header");
	demand(format == "image" || format == "video", wrong_value,
	       "card.header is an image or a video");
	review_media(format, object_of(header, format.c_str(), "card.header"), "card.header");
	if (card.contains("body"))
		(void)required_text(object_of(card, "body", "card"), "text", 160, "card.body");
	if (!action.contains("buttons")) {
		review_address_of(action);
		return "address";
	}
	review_replies(action, "quick_reply");
	return "replies " + std::to_string(action["buttons"].size());
}

void
review_message_cards(const json &interactive, const json &action)
{
	demand(!interactive.contains("header") && !interactive.contains("footer"), wrong_value,
	       "beside a carousel stands a body only");
	const json &cards = list_of(action, "cards", 10, "action");
	demand(cards.size() >= 2, wrong_value, "a carousel has at least 2 cards");
	std::string first;
	for (size_t i = 0; i < cards.size(); i++) {
		demand(member_of(cards[i], "card_index", "card") == i, wrong_value,
		       "card_index counts from 0");
		const std::string layout = review_message_card(cards[i]);
		first = i == 0 ? layout : first;
		demand(layout == first, wrong_value, "all cards have the same buttons");
	}
}

void
review_action(const std::string &type, const json &interactive, const json &action)
{
	const auto any_header = {"text", "image", "video", "document"};
	if (type == "button") {
		review_message_header(interactive, any_header);
		review_replies(action, "reply");
	} else if (type == "list") {
		review_message_header(interactive, {"text"});
		review_list(action);
	} else if (type == "cta_url") {
		review_message_header(interactive, any_header);
		review_address_of(action);
	} else if (type == "flow") {
		review_message_header(interactive, any_header);
		review_flow(action);
	} else if (type == "location_request_message") {
		named_action(action, "send_location");
	} else if (type == "address_message") {
		named_action(action, "address_message");
		demand(object_of(action, "parameters", "action").value("country", json()) == "IN",
		       wrong_value, "addresses are asked for in India only");
	} else if (type == "product") {
		review_product(action);
	} else if (type == "product_list") {
		(void)object_of(interactive, "header", "interactive");
		review_message_header(interactive, {"text"});
		required_id(action, "catalog_id", "action");
		review_products(action, "action");
	} else if (type == "catalog_message") {
		named_action(action, "catalog_message");
	} else if (type == "carousel") {
		review_message_cards(interactive, action);
	} else if (type == "voice_call") {
		named_action(action, "voice_call");
		const json parameters = action.value("parameters", json::object());
		optional_text(parameters, "display_text", 20, "parameters");
		const json minutes = parameters.value("ttl_minutes", json(1));
		demand(minutes.is_number_integer() && minutes > 0, wrong_value,
		       "ttl_minutes is a number of minutes");
	} else if (type == "call_permission_request") {
		named_action(action, "call_permission_request");
	} else {
		demand(type == "request_contact_info", wrong_value, "interactive.type is not known");
	}
}

void
review_interactive(const json &interactive)
{
	const std::string type = required_text(interactive, "type", 60, "interactive");
	const json &action = member_of(interactive, "action", "interactive");
	demand(action.is_object(), lacks_parameter,
	       "Parameter 'action' is mandatory for type 'interactive'");
	const bool bodiless = type == "product" || type == "call_permission_request";
	if (!bodiless || interactive.contains("body"))
		(void)required_text(object_of(interactive, "body", "interactive"), "text",
		                    type == "list" ? 4096 : 1024, "body");
	if (interactive.contains("footer"))
		(void)required_text(object_of(interactive, "footer", "interactive"), "text", 60, "footer");
	review_action(type, interactive, action);
}

} // namespace

void
review_media(const std::string &type, const json &media, const std::string &where)
{
	if (type == "document")
		known_members(media, {"id", "link", "caption", "filename"}, where);
	else if (type == "audio")
		known_members(media, {"id", "link", "voice"}, where);
	else if (type == "sticker")
		known_members(media, {"id", "link"}, where);
	else
		known_members(media, {"id", "link", "caption"}, where);
	demand(media.contains("id") != media.contains("link"), wrong_shape,
	       "Param " + where + " must have exactly one of id and link.");
	if (media.contains("id"))
		required_id(media, "id", where);
	else
		demand(required_text(media, "link", 10000, where).compare(0, 8, "https://") == 0,
		       wrong_value, where + ".link is a public address that begins with https://");
	const json &caption = member_of(media, "caption", where);
	demand(caption.is_null() ||
	           (caption.is_string() && characters(caption.get<std::string>()) <= 1024),
	       wrong_shape, "Param " + where + "['caption'] must be at most 1024 characters long.");
	const json &voice = member_of(media, "voice", where);
	demand(voice.is_null() || voice.is_boolean(), wrong_shape, where + ".voice is a boolean");
}

void
review_location(const json &location, const std::string &where)
{
	known_members(location, {"latitude", "longitude", "name", "address"}, where);
	number_within(location, "latitude", 90, where);
	number_within(location, "longitude", 180, where);
}

void
review_products(const json &action, const std::string &where)
{
	const json &sections = list_of(action, "sections", 10, where);
	size_t products = 0;
	for (const json &section : sections) {
		if (sections.size() > 1)
			(void)required_text(section, "title", 24, "section");
		optional_text(section, "title", 24, "section");
		for (const json &product : list_of(section, "product_items", 30, "section")) {
			required_id(product, "product_retailer_id", "product");
			products++;
		}
	}
	demand(products <= 30, wrong_value, where + " has at most 30 products in all");
}

std::optional<Error>
review_message(const std::string &type, const json &content)
{
	try {
		if (type == "text")
			review_text(content);
		else if (type == "interactive")
			review_interactive(content);
		else if (type == "location")
			review_location(content, type);
		else if (type == "reaction")
			review_reaction(content);
		else if (type == "contacts")
			review_contacts(content);
		else
			review_media(type, content, type);
		return std::nullopt;
	} catch (const Refused &refused) {
		return refused.code == wrong_shape ? Error{wrong_shape, {}, "(#100) " + refused.details}
		                                   : Error{refused.code, refused.details};
	}
}

} // namespace sandbox
