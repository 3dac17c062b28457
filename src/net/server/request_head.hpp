/*
 * request_head.hpp — what the headers of a request say before its body is read.
 *
 * Everything two parsers could read differently is turned away here: a proxy in front must not see
 * another request than this server does (RFC 9112 section 11.2).
 */
#pragma once

#include "net/server/incoming_request.hpp"
#include "net/server/request_parser.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>

namespace whatsapp::net
{

struct RequestHead {
	unsigned refusal = 0; /* HTTP status, 0 when all is well */
	bool close_now =
	    false; /* read no further: where the request ends is not sure, or not worth it */
	bool keep_alive = false;
	bool expects_continue = false;
	bool has_length = false;
	std::size_t length = 0; /* Content-Length */
};

/* Takes method, path, signature and query parameters into request. May throw std::bad_alloc. */
RequestHead judge_head(const ParsedHead &parsed, const HttpServerOptions &options,
                       IncomingRequest &request);

} // namespace whatsapp::net
