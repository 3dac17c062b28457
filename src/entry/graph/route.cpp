/*
 * route.cpp — the tables' columns, and the settings where they are empty.
 */
#include "entry/graph/route.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "pg/server/settings.hpp"

namespace whatsapp::entry
{

namespace
{

std::string
text_or_empty(const char *text)
{
	return text == nullptr ? std::string() : std::string(text);
}

std::string
without_slash(std::string url)
{
	while (!url.empty() && url.back() == '/')
		url.pop_back();
	return url;
}

bool
is_listed(std::string_view url, std::string_view list)
{
	while (!list.empty()) {
		const std::size_t end = std::min(list.find_first_of(", "), list.size());
		if (without_slash(std::string(list.substr(0, end))) == url)
			return true;
		list.remove_prefix(std::min(end + 1, list.size()));
	}
	return false;
}

} // namespace

Route
resolve_route(const RouteColumns &columns)
{
	Route route;
	route.account = text_or_empty(columns.account);
	route.phone_number_id = text_or_empty(columns.phone_number_id);
	route.api_version = text_or_empty(columns.api_version);
	const std::string usual = without_slash(pg::settings.api_base_url);
	route.base_url = columns.api_base_url == nullptr ? usual : without_slash(columns.api_base_url);
	route.is_allowed =
	    route.base_url == usual || is_listed(route.base_url, pg::settings.account_base_urls);
	return route;
}

} // namespace whatsapp::entry
