/*
 * answer_json.cpp — objects, members, and the cursor of the next page.
 */
#include "core/request/answer_json.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/url.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

json
parse_object(std::string_view text, const char *what)
{
	json tree;
	const JsonProblem problem = parse_bounded(text, tree);
	if (problem != JsonProblem::none)
		throw Fault(sqlstate::invalid_json, std::string(what) + " cannot be read as JSON",
		            json_problem_text(problem));
	if (!tree.is_object())
		throw Fault(sqlstate::invalid_json, std::string(what) + " is not a JSON object");
	return tree;
}

std::string
required_member(const json &object, const char *name)
{
	std::string text = text_of(member(object, name));
	if (text.empty())
		throw Fault(sqlstate::invalid_parameter_value,
		            std::string("the request has no member \"") + name + "\"");
	return text;
}

namespace
{

/* What Meta's URL of the next page says: …&after=CURSOR&… */
std::string
cursor_of_url(const std::string &url)
{
	const std::size_t query = url.find('?');
	for (std::size_t at = query; at != std::string::npos; at = url.find('&', at + 1))
		if (url.compare(at + 1, 6, "after=") == 0) {
			const std::size_t first = at + 7;
			return decode_parameter(url.substr(first, url.find('&', first) - first));
		}
	return {};
}

} // namespace

/* The URL itself is not followed: a token goes to the configured address only. */
std::string
next_page(const json &answer, std::string_view cursor)
{
	const json *paging = member(answer, "paging");
	if (paging == nullptr || text_of(member(*paging, "next")).empty())
		return {};
	const json *cursors = member(*paging, "cursors");
	std::string next = cursors == nullptr ? std::string() : text_of(member(*cursors, "after"));
	if (next.empty())
		next = cursor_of_url(text_of(member(*paging, "next")));
	if (next.empty() || next == cursor)
		throw Fault(sqlstate::invalid_json, "the answer names a next page that leads nowhere");
	return next;
}

} // namespace whatsapp
