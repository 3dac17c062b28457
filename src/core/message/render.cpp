/*
 * render.cpp — a template's body with its placeholders filled in.
 *
 * Placeholders are found first and filled afterwards, so text that happens to hold {{2}} stays
 * text. A body and its parameters must fit each other exactly; nothing is dropped or left blank.
 */
#include "core/base/counted_noun.hpp"
#include "core/message/template.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::string_view opening = "{{";
constexpr std::string_view closing = "}}";

/* A body may repeat a long parameter many times, and no message shows so much. */
constexpr std::size_t max_rendered_bytes = std::size_t{256} * 1024;

struct Placeholder {
	std::size_t begin; /* of the opening braces */
	std::size_t end;   /* past the closing ones */
	std::size_t parameter;
};

[[noreturn]] void
mismatch(std::string detail, const char *hint)
{
	throw Fault(sqlstate::parameter_mismatch, "template parameters do not match the template body",
	            std::move(detail), hint);
}

/* The parameter's index from "1", "2", … and max_parameters for anything else. */
std::size_t
positional_index(std::string_view name) noexcept
{
	std::size_t number = 0;

	if (name.empty() || name.size() > 3 || name.front() == '0')
		return max_parameters;
	for (char c : name) {
		if (!is_digit(c))
			return max_parameters;
		number = number * 10 + static_cast<std::size_t>(c - '0');
	}
	return number <= max_parameters ? number - 1 : max_parameters;
}

bool
snake_name(std::string_view name) noexcept
{
	if (name.empty() || is_digit(name.front()))
		return false;
	for (char c : name)
		if (!is_lower(c) && !is_digit(c) && c != '_')
			return false;
	return true;
}

/* Every placeholder of body; index_of turns a name into the parameter's index or throws. */
template <typename IndexOf>
std::vector<Placeholder>
find_placeholders(std::string_view body, IndexOf index_of)
{
	std::vector<Placeholder> found;

	for (std::size_t at = 0; (at = body.find(opening, at)) != std::string_view::npos;) {
		std::size_t name_at = at + opening.size();
		std::size_t end = body.find(closing, name_at);
		if (end == std::string_view::npos)
			mismatch("The body has a placeholder that is not closed.",
			         "Write placeholders as {{1}} or {{name}}.");
		std::size_t parameter = index_of(body.substr(name_at, end - name_at));
		found.push_back({at, end + closing.size(), parameter});
		at = end + closing.size();
	}
	return found;
}

template <typename TextOf>
std::string
fill_body(std::string_view body, const std::vector<Placeholder> &placeholders, TextOf text_of)
{
	std::size_t size = body.size();
	for (const Placeholder &placeholder : placeholders) {
		size += text_of(placeholder.parameter).size();
		if (size > max_rendered_bytes)
			throw Fault(sqlstate::text_too_long, "rendered message is too long",
			            "A message has at most " + std::to_string(max_rendered_bytes) + " bytes.");
	}

	std::string text;
	std::size_t copied = 0;
	text.reserve(size);
	for (const Placeholder &placeholder : placeholders) {
		text += body.substr(copied, placeholder.begin - copied);
		text += text_of(placeholder.parameter);
		copied = placeholder.end;
	}
	text += body.substr(copied);
	return text;
}

/* The first parameter without a placeholder, or count. */
std::size_t
first_unused(const std::vector<Placeholder> &placeholders, std::size_t count)
{
	std::vector<bool> used(count, false);

	for (const Placeholder &placeholder : placeholders)
		if (placeholder.parameter < count)
			used[placeholder.parameter] = true;
	for (std::size_t i = 0; i < count; i++)
		if (!used[i])
			return i;
	return count;
}

void
check_count(std::size_t count)
{
	if (count > max_parameters)
		mismatch("There are " + std::to_string(count) + " parameters, and at most " +
		             std::to_string(max_parameters) + " are possible.",
		         "Pass one parameter for each placeholder.");
}

} // namespace

std::string
render_template(std::string_view body, const std::vector<std::string> &parameters)
{
	static constexpr char hint[] =
	    "Pass one parameter for each of the placeholders {{1}}, {{2}} and so on, in that order.";

	check_count(parameters.size());
	std::vector<Placeholder> placeholders =
	    find_placeholders(body, [](std::string_view name) -> std::size_t {
		    std::size_t index = positional_index(name);
		    if (index == max_parameters)
			    mismatch("The body has the placeholder " + quote_name(name) +
			                 ", which is not a number from 1 to 100.",
			             hint);
		    return index;
	    });

	std::size_t wanted = 0;
	for (const Placeholder &placeholder : placeholders)
		wanted = std::max(wanted, placeholder.parameter + 1);
	std::size_t skipped = first_unused(placeholders, wanted);
	if (skipped < wanted)
		mismatch("The body skips the placeholder {{" + std::to_string(skipped + 1) + "}}.", hint);
	if (wanted != parameters.size())
		mismatch("The body wants " + counted_noun(wanted, "parameter") + ", but " +
		             std::to_string(parameters.size()) +
		             (parameters.size() == 1 ? " was given." : " were given."),
		         hint);

	for (std::size_t i = 0; i < parameters.size(); i++)
		check_parameter("parameter " + std::to_string(i + 1), parameters[i]);
	return fill_body(body, placeholders,
	                 [&](std::size_t i) -> const std::string & { return parameters[i]; });
}

std::string
render_template(std::string_view body, const std::vector<NamedParameter> &parameters)
{
	static constexpr char hint[] =
	    "Pass one parameter for each placeholder, under the placeholder's own name.";

	check_count(parameters.size());
	for (std::size_t i = 0; i < parameters.size(); i++) {
		if (!snake_name(parameters[i].name))
			mismatch("The parameter name " + quote_name(parameters[i].name) +
			             " is not made of lower-case letters, digits and underscores.",
			         hint);
		for (std::size_t j = 0; j < i; j++)
			if (parameters[j].name == parameters[i].name)
				mismatch("The parameter " + quote_name(parameters[i].name) + " is given twice.",
				         hint);
	}

	std::vector<Placeholder> placeholders =
	    find_placeholders(body, [&](std::string_view name) -> std::size_t {
		    if (!snake_name(name))
			    mismatch("The body has the placeholder " + quote_name(name) +
			                 ", which is not made of lower-case letters, digits and underscores.",
			             hint);
		    for (std::size_t i = 0; i < parameters.size(); i++)
			    if (parameters[i].name == name)
				    return i;
		    mismatch("The placeholder " + quote_name(name) + " has no parameter.", hint);
	    });

	std::size_t unused = first_unused(placeholders, parameters.size());
	if (unused < parameters.size())
		mismatch("The parameter " + quote_name(parameters[unused].name) + " has no placeholder.",
		         hint);
	for (const NamedParameter &parameter : parameters)
		check_parameter(parameter.name, parameter.text);
	return fill_body(body, placeholders,
	                 [&](std::size_t i) -> const std::string & { return parameters[i].text; });
}

} // namespace whatsapp
