/*
 * http_request.hpp — what the HTTP client is asked for and what it gives back.
 */
#pragma once

#include "core/answer/answer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp::net
{

enum class HttpMethod : unsigned char { post, get, del /* DELETE */ };

/* Views must live until start_request() returns. */
struct HttpRequest {
	std::uint64_t id = 0;
	HttpMethod method = HttpMethod::post;
	std::string_view url;
	std::string_view bearer_token;
	std::string_view body;              /* of a POST only */
	std::string_view content_type;      /* of the body; empty: application/json */
	std::size_t max_response_bytes = 0; /* 0: that of the options */
	long timeout_ms = 0;                /* in all; 0: that of the options */
	bool is_upload = false;             /* headers as Meta's resumable uploads want them */
	std::int64_t asked_us = 0;          /* monotonic; when its time began. 0: now */
};

struct HttpResponse {
	std::uint64_t id = 0;
	Transport transport = Transport::unknown;
	long status = 0;
	bool multiplexed = false; /* HTTP/2 or newer: many requests share a connection */
	std::string body;
	std::string retry_after; /* seconds, also when the platform named a date */
	std::string usage;       /* x-business-use-case-usage */
	std::string error; /* libcurl's words and, for time-outs, the phase that took the time; never a
	                      header or a body */
	std::int64_t elapsed_us = 0;
	std::int64_t queued_us =
	    0; /* of these, before its first byte: waiting for a connection or making one */
};

} // namespace whatsapp::net
