/*
 * fill.cpp: the parameters of a template message: counted, checked, filled in.
 *
 * The order of the checks and the wording of "details" follow Meta's answers; tests compare them.
 */
#include "fill.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

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

std::optional<Error>
buttons_of(const Template &known, const json &object, int version)
{
	for (size_t i = 0; i < known.buttons.size(); i++) {
		if (!known.buttons[i].variable)
			continue;
		const json *component = component_of(object, "button", static_cast<int>(i));
		const json *parameters = component != nullptr ? child(*component, "parameters") : nullptr;
		if (parameters == nullptr || !parameters->is_array() || parameters->empty())
			return Error{131008, "buttons: Button at index " + std::to_string(i) +
			                         " of type Url requires a parameter"};
		std::string suffix;
		if (auto error = value_of(parameters->front(), "buttons", version, suffix))
			return error;
	}
	return std::nullopt;
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
	if (auto error = header_of(*known, object, version, header))
		return error;
	if (auto error = values_of(known->body, known->named, component_of(object, "body"), "body",
	                           version, message.parameters))
		return error;
	if (auto error = buttons_of(*known, object, version))
		return error;

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
