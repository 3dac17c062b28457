/*
 * server_options.hpp — where the server listens and what it puts up with.
 */
#pragma once

#include <cstddef>

namespace whatsapp::net
{

struct HttpServerOptions {
	/* host:port, [v6]:port, or the absolute path of a unix socket; NULL: nowhere yet */
	const char *address = "127.0.0.1:8008";
	std::size_t max_header_bytes = 8 << 10;
	std::size_t max_body_bytes = 3 << 20; /* exactly this many are still accepted */
	std::size_t max_buffered_bytes = 64 << 20;
	std::size_t small_body_bytes = 64 << 10; /* room is kept for these, and they are served first */
	unsigned max_connections = 512;
	unsigned kept_descriptors = 32;  /* of the process, for its owner's files */
	long request_timeout_ms = 20000; /* first byte to last, whatever drips in between */
	long idle_timeout_ms = 30000;
};

} // namespace whatsapp::net
