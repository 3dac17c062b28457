/*
 * request_head.hpp — what the headers of a request say before its body is read.
 *
 * Everything two parsers could read differently is turned away here: a proxy in front must not see
 * another request than this server does (RFC 9112 section 11.2).
 */
#pragma once

#include "net/server/incoming_request.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>

struct MHD_Connection;

namespace whatsapp::net
{

struct RequestHead {
	unsigned refusal = 0; /* HTTP status, 0 when all is well */
	bool close_now =
	    false; /* read no further: where the request ends is not sure, or not worth it */
	bool expects_continue = false;
	bool has_length = false;
	std::size_t length = 0; /* Content-Length */
};

/* Looks at the headers and takes signature and query parameters into request. May throw
 * std::bad_alloc. */
RequestHead read_head(MHD_Connection *connection, const HttpServerOptions &options,
                      IncomingRequest &request);

} // namespace whatsapp::net
