/*
 * fill.cpp: the parameters of a template message: counted, checked, filled in.
 *
 * The order of the checks and the wording of "details" follow Meta's answers; tests compare them.
 */
#include "fill.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "button_parameters.hpp"
#include "demand.hpp"
#include "message_review.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const json *
child(const json &object, const char *name)
{
	if (!object.is_object())
		return nullptr;
	const auto found = object.find(name);
	return found == object.end() ? nullptr : &*found;
}

bool
is_forbidden(const std::string &text)
{
	return text.find_first_of("\n\r\t") != std::string::npos ||
	       text.find("     ") != std::string::npos;
}

Error
invalid(const std::string &details)
{
	Error error;
	error.code = 100;
	error.message = "(#100) Invalid parameter";
	error.details = details;
	return error;
}

/* The text that a parameter puts into the template. */
std::optional<Error>
value_of(const json &parameter, const std::string &where, int version, std::string &value)
{
	const std::string type = lower(string_at(parameter, "type"));
	if (type == "currency" || type == "date_time") {
		const json *object = child(parameter, type.c_str());
		value = object != nullptr ? string_at(*object, "fallback_value") : std::string();
		if (value.empty())
			return Error{131008, "Parameter of type " + type + " is missing fallback_value"};
		return std::nullopt;
	}
	if (type != "text") {
		std::string shown = type.empty() ? "UNKNOWN" : type;
		std::transform(shown.begin(), shown.end(), shown.begin(), ::toupper);
		return Error{132012, where + ": Format mismatch, expected TEXT, received " + shown};
	}
	value = string_at(parameter, "text");
	if (value.empty())
		return Error{131008, "Parameter of type text is missing text value"};
	if (is_forbidden(value)) {
		const std::string details =
		    "Param text cannot have new-line/tab characters or more than 4 consecutive spaces";
		return version >= 23 ? Error{132018, details} : invalid(details);
	}
	if (characters(value) > 32768)
		return invalid("Param text must be at most 32768 characters long.");
	return std::nullopt;
}

std::optional<Error>
values_of(const Pattern &pattern, bool named, const json *component, const std::string &where,
          int version, std::vector<std::string> &values)
{
	static const json none = json::array();
	const json *parameters = component != nullptr ? child(*component, "parameters") : nullptr;
	if (parameters == nullptr || !parameters->is_array())
		parameters = &none;
	if (parameters->size() != pattern.variables.size())
		return Error{132000, where + ": number of localizable_params (" +
		                         std::to_string(parameters->size()) +
		                         ") does not match the expected number of params (" +
		                         std::to_string(pattern.variables.size()) + ")"};
	values.assign(pattern.variables.size(), {});
	for (size_t i = 0; i < parameters->size(); i++) {
		size_t slot = i;
		if (named) {
			const std::string name = string_at((*parameters)[i], "parameter_name");
			if (name.empty())
				return invalid("Parameter name is missing or empty");
			slot = static_cast<size_t>(
			    std::find(pattern.variables.begin(), pattern.variables.end(), name) -
			    pattern.variables.begin());
			if (slot == pattern.variables.size() || !values[slot].empty())
				return invalid(std::string(where)
				                   .append(": no parameter (")
				                   .append(name)
				                   .append(") in the template"));
		}
		if (auto error = value_of((*parameters)[i], where, version, values[slot]))
			return error;
	}
	return std::nullopt;
}

/* The component of that type; for buttons, the one of that index. */
const json *
component_of(const json &object, const char *type, int index = -1)
{
	const json *components = child(object, "components");
	if (components == nullptr || !components->is_array())
		return nullptr;
	for (const json &component : *components) {
		if (lower(string_at(component, "type")) != type)
			continue;
		if (index < 0)
			return &component;
		const json *given = child(component, "index");
		if (given == nullptr)
			continue;
		if ((given->is_number_integer() && *given == index) ||
		    (given->is_string() && *given == std::to_string(index)))
			return &component;
	}
	return nullptr;
}

std::optional<Error>
header_of(const Template &known, const json &object, int version, std::string &shown)
{
	const json *component = component_of(object, "header");
	if (known.header_format.empty() || known.header_format == "text") {
		std::vector<std::string> values;
		if (auto error = values_of(known.header, known.named, component, "header", version, values))
			return error;
		shown = known.header.fill(values);
		return std::nullopt;
	}
	std::string received = "unknown";
	const json *parameters = component != nullptr ? child(*component, "parameters") : nullptr;
	if (parameters != nullptr && parameters->is_array() && !parameters->empty())
		received = lower(string_at(parameters->front(), "type"));
	if (received == known.header_format &&
	    child(parameters->front(), received.c_str()) != nullptr) {
		shown = "[" + received + "]";
		return std::nullopt;
	}
	std::string expected = known.header_format;
	std::transform(expected.begin(), expected.end(), expected.begin(), ::toupper);
	std::transform(received.begin(), received.end(), received.begin(), ::toupper);
	return Error{132012,
	             "header: Format mismatch, expected " + expected + ", received " + received};
}

/* What a suffix or a code must be, as any text of a parameter. */
std::optional<Error>
button_texts_of(const json &components, int version)
{
	for (const json &component : components) {
		const json *parameters = child(component, "parameters");
		if (lower(string_at(component, "type")) != "button" || parameters == nullptr)
			continue;
		for (const json &parameter : *parameters) {
			std::string text;
			if (lower(string_at(parameter, "type")) != "text")
				continue;
			if (auto error = value_of(parameter, "buttons", version, text))
				return error;
		}
	}
	return std::nullopt;
}

/* Each component is known, and stands once; of buttons there are several. */
void
review_component_types(const json &components, bool of_card)
{
	static const std::set<std::string> outside = {"limited_time_offer", "carousel",
	                                              "tap_target_configuration"};
	std::set<std::string> seen;
	for (const json &component : components) {
		const std::string type = lower(string_at(component, "type"));
		const bool anywhere = type == "header" || type == "body" || type == "button";
		demand(anywhere || (!of_card && outside.count(type) == 1), 100,
		       "component " + type + " is not known");
		demand(type == "button" || seen.insert(type).second, 100, type + " is given twice");
	}
}

/* Media and places of a header, as messages have them. */
void
review_header_parameter(const json &components)
{
	for (const json &component : components) {
		const json *parameters = child(component, "parameters");
		if (lower(string_at(component, "type")) != "header" || parameters == nullptr)
			continue;
		for (const json &parameter : *parameters) {
			const std::string type = lower(string_at(parameter, "type"));
			const json *object = child(parameter, type.c_str());
			if (object != nullptr && (type == "image" || type == "video" || type == "document"))
				review_media(type, *object, "header." + type);
			if (object != nullptr && type == "location")
				review_location(*object, "header.location");
			if (object != nullptr && type == "product")
				demand(!string_at(*object, "product_retailer_id").empty() &&
				           !string_at(*object, "catalog_id").empty(),
				       131008, "header: a product has product_retailer_id and catalog_id");
		}
	}
}

void
review_offer_parameter(const Template &known, const json &object)
{
	const json *component = component_of(object, "limited_time_offer");
	demand(component == nullptr || known.has_offer, 132012,
	       "limited_time_offer: the template has none");
	if (component == nullptr)
		return demand(!known.offer_expires, 131008, "limited_time_offer: the end is missing");
	const json *parameters = child(*component, "parameters");
	const json *offer = parameters != nullptr && parameters->is_array() && parameters->size() == 1
	                        ? child(parameters->front(), "limited_time_offer")
	                        : nullptr;
	const json *ends = offer == nullptr ? nullptr : child(*offer, "expiration_time_ms");
	demand(ends != nullptr && ends->is_number_integer() && *ends > 0, 131008,
	       "limited_time_offer: expiration_time_ms is a required number");
}

/* The code of an authentication template stands in the body and in the button. */
void
review_code_parameters(const std::vector<std::string> &values, const json &components)
{
	demand(values.size() == 1 && characters(values[0]) <= 15, 131009,
	       "a one-time code has at most 15 characters");
	for (const json &component : components)
		if (lower(string_at(component, "type")) == "button")
			for (const json &parameter : component.value("parameters", json::array()))
				demand(string_at(parameter, "text") == values[0], 132012,
				       "the code in the button is another one than in the body");
}

std::optional<Error> components_of(const Template &known, const json &object, int version,
                                   std::string &header, std::vector<std::string> &values);

/* Of media there are as many cards as were approved, of products 2 to 10. */
std::optional<Error>
cards_of(const Template &known, const json &object, int version)
{
	static const json none = json::array();
	const json *component = component_of(object, "carousel");
	const json *given = component != nullptr ? child(*component, "cards") : nullptr;
	if (given == nullptr || !given->is_array())
		given = &none;
	const bool products = !known.cards.empty() && known.cards[0].header_format == "product";
	demand(products ? given->size() >= 2 && given->size() <= 10
	                : given->size() == known.cards.size(),
	       132012, "carousel: the number of cards does not match the template");
	for (size_t i = 0; i < given->size(); i++) {
		const json &card = (*given)[i];
		const json *index = child(card, "card_index");
		demand(index != nullptr && *index == i, 131009, "carousel: card_index counts from 0");
		std::string header;
		std::vector<std::string> values;
		if (auto error =
		        components_of(known.cards[products ? 0 : i], card, version, header, values))
			return error;
	}
	return std::nullopt;
}

/* Of the whole message, or of a card. */
std::optional<Error>
components_of(const Template &known, const json &object, int version, std::string &header,
              std::vector<std::string> &values)
{
	static const json none = json::array();
	const json *given = child(object, "components");
	const json &components = given != nullptr && given->is_array() ? *given : none;
	review_component_types(components, known.name.empty());
	if (auto error = header_of(known, object, version, header))
		return error;
	if (auto error = values_of(known.body, known.named, component_of(object, "body"), "body",
	                           version, values))
		return error;
	if (auto error = button_texts_of(components, version))
		return error;
	review_header_parameter(components);
	review_button_parameters(known.buttons, components);
	if (known.category == "AUTHENTICATION")
		review_code_parameters(values, components);
	review_offer_parameter(known, object);
	return cards_of(known, object, version);
}

std::optional<Error>
sendable(const Template *known, const std::string &name, const std::string &language)
{
	if (known != nullptr && known->status == "APPROVED")
		return std::nullopt;
	if (known != nullptr && known->status == "PAUSED")
		return Error{132015};
	if (known != nullptr && known->status == "DISABLED")
		return Error{132016};
	return Error{132001, "template name (" + name + ") does not exist in " + language};
}

} // namespace

std::string
string_at(const json &object, const char *name)
{
	const json *found = child(object, name);
	return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<Error>
fill_template(const Templates &templates, const json &object, int version, Message &message)
{
	const std::string name = string_at(object, "name");
	const json *language = child(object, "language");
	const std::string code = language != nullptr ? string_at(*language, "code") : std::string();
	if (name.empty())
		return Error{100, {}, "(#100) The parameter template['name'] is required."};
	if (code.empty())
		return Error{100, {}, "(#100) The parameter template['language']['code'] is required."};
	const Template *known = templates.find(name, code);
	if (auto error = sendable(known, name, code))
		return error;
	if (message.by_user_id && known->category == "AUTHENTICATION")
		return Error{131062};

	std::string header;
	try {
		if (auto error = components_of(*known, object, version, header, message.parameters))
			return error;
	} catch (const Refused &refused) {
		return Error{refused.code, refused.details};
	}

	const std::string body = known->body.fill(message.parameters);
	const bool body_only = header.empty() && known->footer.empty() && known->buttons.empty();
	if (!body_only && characters(body) > 1024)
		return Error{132005, "body: translated text is longer than 1024 characters"};
	message.template_name = name;
	message.language = code;
	message.category = lower(known->category);
	message.text = header.empty() ? body : header + "\n" + body;
	if (!known->footer.empty())
		message.text += "\n" + known->footer;
	for (const Button &button : known->buttons)
		message.text += "\n[" + button.label + "]";
	return std::nullopt;
}

} // namespace sandbox
