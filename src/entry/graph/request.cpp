/*
 * request.cpp — URL, token and body of a call.
 */
#include "entry/graph/request.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/url.hpp"
#include "core/request/graph_ask.hpp"
#include "net/client/bearer.hpp"
#include "pg/server/settings.hpp"

namespace whatsapp::entry
{

namespace
{

/* Whatever stands in a table or a file: it must not change the rest of the address. */
bool
is_node_id(std::string_view id) noexcept
{
	return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
		return is_letter_or_digit(c) || c == '_' || c == '-';
	});
}

/* upload:…?sig=…, as Meta gave it */
bool
is_upload_id(std::string_view id) noexcept
{
	constexpr std::string_view prefix = "upload:";
	return begins_with(id, prefix) && id.size() > prefix.size() && id.size() <= 4096 &&
	       std::all_of(id.begin() + prefix.size(), id.end(), [](char c) {
		       return is_letter_or_digit(c) ||
		              std::string_view("_-.=?&%+~").find(c) != std::string_view::npos;
	       });
}

Shortcoming
invalid_node(bool is_number)
{
	if (!is_number)
		return {"the id of the object that is asked for is not valid",
		        "An id of Meta's has letters, digits, _ and - only."};
	return {
	    "no valid phone number id is set",
	    "Set phone_number_id in whatsapp_senders, or the environment variable "
	    "WHATSAPP_PHONE_NUMBER_ID of the server; it is Meta's id of the number, not the number."};
}

} // namespace

net::HttpClientOptions
client_options(long max_connections, std::size_t max_response_bytes) noexcept
{
	net::HttpClientOptions options;
	options.max_connections = max_connections;
	options.connect_timeout_ms = pg::settings.connect_timeout;
	options.request_timeout_ms = pg::settings.request_timeout;
	options.max_response_bytes = max_response_bytes;
	options.user_agent = "pg_whatsapp/" PG_WHATSAPP_VERSION;
	options.ca_file = pg::settings.ca_file != nullptr && *pg::settings.ca_file != '\0'
	                      ? pg::settings.ca_file
	                      : nullptr;
	return options;
}

bool
build_request(const Route &route, Credentials &credentials, GraphCall call, GraphRequest &request,
              Shortcoming &why)
{
	if (!route.is_allowed) {
		why = {"the account's base URL is not allowed",
		       "List it in whatsapp.account_base_urls, or clear api_base_url in "
		       "whatsapp_accounts."};
		return false;
	}
	request.token = credentials.find_token(route.account, why);
	if (!request.token)
		return false;
	request.method = call.method;
	request.timeout_ms = call.timeout_ms;
	request.content_type = call.content_type;
	request.max_response_bytes = call.max_response_bytes;
	request.body = std::move(call.body);
	request.is_upload = call.is_upload;
	if (!call.url.empty()) {
		request.url = call.url;
		return true;
	}
	const bool is_number = call.node.empty();
	if (is_number)
		call.node = !route.phone_number_id.empty()
		                ? std::string_view(route.phone_number_id)
		                : credentials.find_phone_number_id(route.account);
	if (!(call.is_upload ? is_upload_id(call.node) : is_node_id(call.node))) {
		why = invalid_node(is_number);
		return false;
	}
	request.url = route.base_url;
	request.url.append("/").append(route.api_version.empty() ? pg::settings.api_version
	                                                         : route.api_version);
	request.url.append("/").append(call.node);
	if (!call.edge.empty())
		request.url.append("/").append(call.edge);
	std::string query(call.query);
	/* the token may stand in the address, since no line of the log and no error ever shows one */
	if (call.names_own_token)
		append_query(query, "input_token", request.token->text());
	if (!query.empty())
		request.url.append("?").append(query);
	return true;
}

bool
may_be_sent(const GraphRequest &request) noexcept
{
	return url_allowed(request.url) && net::token_allowed(request.token->text());
}

net::HttpRequest
to_http_request(const GraphRequest &request, std::uint64_t id) noexcept
{
	net::HttpRequest http;
	http.id = id;
	http.method = request.method;
	http.url = request.url;
	http.bearer_token = request.token->text();
	http.body = request.body;
	http.content_type = request.content_type;
	http.max_response_bytes = request.max_response_bytes;
	http.timeout_ms = request.timeout_ms;
	http.is_upload = request.is_upload;
	return http;
}

} // namespace whatsapp::entry
