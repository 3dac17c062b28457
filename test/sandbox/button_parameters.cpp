/*
 * button_parameters.cpp: by Meta's documentation (2026-11): which button takes what, how long it
 * may be, and which must have one.
 */
#include "button_parameters.hpp"

#include <cctype>
#include <set>

#include <nlohmann/json.hpp>

#include "demand.hpp"
#include "fill.hpp"
#include "message_review.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

/* A type of button in a template, the sub_type and the parameter in a message, and whether it must
 * be given. */
struct ButtonKind {
	const char *type;
	const char *sub_type;
	const char *parameter;
	bool required;
};
const ButtonKind button_kinds[] = {{"url", "url", "text", true},
                                   {"otp", "url", "text", true},
                                   {"quick_reply", "quick_reply", "payload", false},
                                   {"copy_code", "copy_code", "coupon_code", true},
                                   {"flow", "flow", "action", false},
                                   {"catalog", "catalog", "action", false},
                                   {"mpm", "mpm", "action", true},
                                   {"voice_call", "voice_call", "ttl_minutes", false}};

/* nullptr: it takes nothing. */
const ButtonKind *
kind_of_button(const Button &button)
{
	for (const ButtonKind &kind : button_kinds)
		if (button.type == kind.type && (button.type != "url" || button.variable))
			return &kind;
	return nullptr;
}

size_t
place_of_button(const json &component)
{
	const json index = component.value("index", json());
	std::string text = index.is_number_integer() ? index.dump() : string_at(component, "index");
	demand(text.size() == 1 && text[0] >= '0' && text[0] <= '9', 131009,
	       "buttons: index is 0 to 9");
	return static_cast<size_t>(text[0] - '0');
}

void
review_button_parameter(const ButtonKind &kind, const json &parameter, const std::string &where)
{
	const std::string type = lower(string_at(parameter, "type"));
	if (type == "payload" && std::string(kind.sub_type) == "voice_call")
		return;
	if (type == "ttl_minutes")
		demand(parameter.value("ttl_minutes", json()).is_number_integer(), 131009,
		       where + ": ttl_minutes is a number");
	demand(type == kind.parameter, 132012,
	       where + ": Format mismatch, expected " + kind.parameter + ", received " + type);
	if (type == "text" || type == "payload" || type == "coupon_code") {
		const std::string text = string_at(parameter, type.c_str());
		demand(!text.empty(), 131008, where + ": " + type + " is missing");
		demand(type != "coupon_code" || characters(text) <= 20, 131009,
		       where + ": coupon_code has at most 20 characters");
	}
	if (type == "action")
		demand(parameter.contains("action") && parameter["action"].is_object(), 131008,
		       where + ": action is missing");
	if (std::string(kind.sub_type) == "mpm") {
		demand(!string_at(parameter["action"], "thumbnail_product_retailer_id").empty(), 131008,
		       where + ": thumbnail_product_retailer_id is missing");
		review_products(parameter["action"], where);
	}
}

} // namespace

void
review_button_parameters(const std::vector<Button> &buttons, const json &components)
{
	std::set<size_t> given;
	for (const json &component : components) {
		if (lower(string_at(component, "type")) != "button")
			continue;
		const size_t place = place_of_button(component);
		const std::string where = "buttons: Button at index " + std::to_string(place);
		demand(place < buttons.size(), 132012, where + " does not exist");
		const ButtonKind *kind = kind_of_button(buttons[place]);
		const std::string sub_type = lower(string_at(component, "sub_type"));
		demand(kind != nullptr && sub_type == kind->sub_type, 132012,
		       where + " of type " + buttons[place].type + " takes no " + sub_type);
		const json parameters = component.value("parameters", json::array());
		for (const json &parameter : parameters)
			review_button_parameter(*kind, parameter, where);
		if (!parameters.empty())
			demand(given.insert(place).second, 132012, where + " is given twice");
	}
	for (size_t i = 0; i < buttons.size(); i++) {
		const ButtonKind *kind = kind_of_button(buttons[i]);
		std::string shown = buttons[i].type;
		shown[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(shown[0])));
		demand(kind == nullptr || !kind->required || given.count(i) == 1, 131008,
		       "buttons: Button at index " + std::to_string(i) + " of type " + shown +
		           " requires a parameter");
	}
}

} // namespace sandbox
