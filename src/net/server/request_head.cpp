/*
 * request_head.cpp — one walk over the headers, one over the query.
 *
 * libmicrohttpd up to 1.0.4 takes the first of two Content-Length headers and prefers
 * Transfer-Encoding over either without a word; the distributions have not taken over the fixes.
 */
#include "net/server/request_head.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <microhttpd.h>
#include <strings.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr unsigned max_headers = 100;
constexpr unsigned bad_request = 400;
constexpr unsigned content_too_large = 413;
constexpr unsigned headers_too_large = 431;

struct Once {
	unsigned count = 0;
	std::string_view value;

	void
	see(std::string_view seen) noexcept
	{
		count++;
		value = seen;
	}
	/* Two answers to one question are none. */
	std::string_view
	only() const noexcept
	{
		return count == 1 ? value : std::string_view();
	}
};

struct Headers {
	unsigned count = 0;
	bool malformed = false;
	Once host, length, encoding, expect, signature;
};

struct Query {
	Once mode, token, challenge;
};

bool
same_header_name(std::string_view name, std::string_view wanted) noexcept
{
	return name.size() == wanted.size() &&
	       strncasecmp(name.data(), wanted.data(), wanted.size()) == 0;
}

/* RFC 9110 section 5.6.2. 0.9.75 lets "Content-Length :" pass, as a name with a space in it. */
bool
is_token(std::string_view name) noexcept
{
	for (const char c : name)
		if (c <= ' ' || c == 0x7f ||
		    std::string_view("\"(),/:;<=>?@[\\]{}").find(c) != std::string_view::npos)
			return false;
	return !name.empty();
}

MHD_Result
on_header(void *into, MHD_ValueKind, const char *key, std::size_t key_size, const char *value,
          std::size_t value_size) noexcept
{
	Headers &headers = *static_cast<Headers *>(into);
	const std::string_view name(key, key_size);
	const std::string_view text(value ? value : "", value ? value_size : 0);
	headers.count++;
	if (!is_token(name) || text.find_first_of(std::string_view("\0\r\n", 3)) != text.npos)
		headers.malformed = true;
	if (same_header_name(name, MHD_HTTP_HEADER_HOST))
		headers.host.see(text);
	else if (same_header_name(name, MHD_HTTP_HEADER_CONTENT_LENGTH))
		headers.length.see(text);
	else if (same_header_name(name, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		headers.encoding.see(text);
	else if (same_header_name(name, MHD_HTTP_HEADER_EXPECT))
		headers.expect.see(text);
	else if (same_header_name(name, "X-Hub-Signature-256"))
		headers.signature.see(text);
	return MHD_YES;
}

MHD_Result
on_parameter(void *into, MHD_ValueKind, const char *key, std::size_t key_size, const char *value,
             std::size_t value_size) noexcept
{
	Query &query = *static_cast<Query *>(into);
	const std::string_view name(key, key_size);
	const std::string_view text(value ? value : "", value ? value_size : 0);
	if (name == "hub.mode")
		query.mode.see(text);
	else if (name == "hub.verify_token")
		query.token.see(text);
	else if (name == "hub.challenge")
		query.challenge.see(text);
	return MHD_YES;
}

bool
parse_length(std::string_view text, std::size_t &length) noexcept
{
	constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
	length = 0;
	for (const char c : text) {
		if (c < '0' || c > '9')
			return false;
		const std::size_t digit = static_cast<std::size_t>(c - '0');
		/* beyond any limit is as good as the largest number */
		length = length > (most - digit) / 10 ? most : length * 10 + digit;
	}
	return !text.empty();
}

bool
is_ambiguous(const Headers &headers) noexcept
{
	return headers.malformed || headers.host.count > 1 || headers.length.count > 1 ||
	       headers.encoding.count > 1 || (headers.length.count && headers.encoding.count) ||
	       (headers.encoding.count && !same_header_name(headers.encoding.value, "chunked"));
}

std::size_t
head_size(MHD_Connection *connection) noexcept
{
	const MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return info ? info->header_size : 0;
}

} // namespace

RequestHead
read_head(MHD_Connection *connection, const HttpServerOptions &options, IncomingRequest &request)
{
	Headers headers;
	RequestHead head;
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &on_header, &headers);
	head.expects_continue = headers.expect.count > 0;
	head.has_length = headers.length.count > 0;
	if (is_ambiguous(headers) ||
	    (head.has_length && !parse_length(headers.length.value, head.length))) {
		head.refusal = bad_request;
		head.close_now = true;
	} else if (headers.count > max_headers || head_size(connection) > options.max_header_bytes) {
		head.refusal = headers_too_large;
		head.close_now = true;
	} else if (head.length > options.max_body_bytes) {
		head.refusal = content_too_large;
	}
	if (head.refusal)
		return head;

	Query query;
	MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, &on_parameter, &query);
	request.signature = headers.signature.only();
	request.hub_mode = query.mode.only();
	request.hub_token = query.token.only();
	request.hub_challenge = query.challenge.only();
	return head;
}

} // namespace whatsapp::net
