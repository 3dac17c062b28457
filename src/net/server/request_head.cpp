/*
 * request_head.cpp — one look at the headers, one walk over the query.
 *
 * The path stays as it was sent. A proxy that forwards one path alone compares bytes, or should; a
 * server that decodes them afterwards answers to paths that the proxy never meant to let through.
 */
#include "net/server/request_head.hpp"

#include <limits>
#include <string>
#include <string_view>

#include "core/base/ascii.hpp"
#include "core/base/url.hpp"

#include "net/server/http_status.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr unsigned max_headers = 100;

bool
parse_length(std::string_view text, std::size_t &length) noexcept
{
	constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
	length = 0;
	for (const char c : text) {
		if (!is_digit(c))
			return false;
		const std::size_t digit = static_cast<std::size_t>(c - '0');
		/* beyond any limit is as good as the largest number */
		length = length > (most - digit) / 10 ? most : length * 10 + digit;
	}
	return !text.empty();
}

/* HTTP/1.0 knows no chunks, so a proxy of that age takes them for the next request. */
bool
is_ambiguous(const ParsedHead &parsed) noexcept
{
	return parsed.host.count > 1 || (parsed.host.count == 0 && !parsed.old_version) ||
	       parsed.length.count > 1 || parsed.encoding.count > 1 ||
	       (parsed.length.count != 0 && parsed.encoding.count != 0) ||
	       (parsed.encoding.count != 0 &&
	        (parsed.old_version || !same_but_for_case(parsed.encoding.value, "chunked")));
}

void
read_query(std::string_view query, IncomingRequest &request)
{
	Once mode, token, challenge;
	while (!query.empty()) {
		const std::string_view parameter = query.substr(0, query.find('&'));
		query.remove_prefix(parameter.size() + (parameter.size() < query.size() ? 1 : 0));
		const std::size_t equal = parameter.find('=');
		const std::string name = decode_parameter(parameter.substr(0, equal));
		const std::string_view value =
		    equal == std::string_view::npos ? std::string_view() : parameter.substr(equal + 1);
		if (name == "hub.mode")
			mode.see_value(value);
		else if (name == "hub.verify_token")
			token.see_value(value);
		else if (name == "hub.challenge")
			challenge.see_value(value);
	}
	request.hub_mode = decode_parameter(mode.only_value());
	request.hub_token = decode_parameter(token.only_value());
	request.hub_challenge = decode_parameter(challenge.only_value());
}

} // namespace

RequestHead
judge_head(const ParsedHead &parsed, const HttpServerOptions &options, IncomingRequest &request)
{
	RequestHead head;
	head.keep_alive = parsed.keep_alive && !parsed.old_version;
	head.expects_continue = parsed.expect.count > 0 && !parsed.old_version;
	head.has_length = parsed.length.count > 0;
	if (is_ambiguous(parsed) ||
	    (head.has_length && !parse_length(parsed.length.value, head.length))) {
		head.refusal = bad_request;
		head.close_now = true;
	} else if (parsed.field_count > max_headers) {
		head.refusal = headers_too_large;
		head.close_now = true;
	} else if (head.length > options.max_body_bytes) {
		head.refusal = content_too_large;
	}
	if (head.refusal)
		return head;

	const std::size_t question = parsed.target.find('?');
	request.method = parsed.method;
	request.path = parsed.target.substr(0, question);
	request.signature = parsed.signature.only_value();
	request.accept = parsed.accept.only_value();
	if (question != std::string_view::npos)
		read_query(parsed.target.substr(question + 1), request);
	return head;
}

} // namespace whatsapp::net
