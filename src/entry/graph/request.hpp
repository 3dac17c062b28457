/*
 * request.hpp — a request to the Graph API, ready for the HTTP client.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "entry/graph/credentials.hpp"
#include "entry/graph/route.hpp"
#include "net/client/http_client.hpp"
#include "net/client/http_request.hpp"

namespace whatsapp::entry
{

/* The options of a worker's HTTP client, by the settings of this moment. */
net::HttpClientOptions client_options(long max_connections,
                                      std::size_t max_response_bytes) noexcept;

/* What is asked for: METHOD base_url/version/node/edge?query. */
struct GraphCall {
	net::HttpMethod method = net::HttpMethod::post;
	std::string_view node = {};         /* empty: the sending number */
	std::string_view edge = {};         /* such as messages; empty: the node itself */
	std::string_view query = {};        /* encoded, without its question mark */
	std::string body = {};              /* of a POST */
	std::string_view content_type = {}; /* of the body; empty: JSON */
	std::string_view url = {};    /* not empty: this address, which was checked, and no node */
	bool is_upload = false;       /* node is an upload that takes the body */
	bool names_own_token = false; /* input_token=TOKEN in the query */
	std::size_t max_response_bytes = 0; /* 0: that of the client */
	long timeout_ms = 0;                /* 0: whatsapp.request_timeout */
};

/* Owns all that it needs; plain data. */
struct GraphRequest {
	net::HttpMethod method = net::HttpMethod::post;
	std::string url;
	std::shared_ptr<const Token> token;
	std::string body;
	std::string content_type;
	std::size_t max_response_bytes = 0;
	long timeout_ms = 0;
	bool is_upload = false;
};

/* False, and why, when the request cannot be made: the base URL is not allowed, there is no token,
 * or the node is not an id. Then nothing may be sent. */
bool build_request(const Route &route, Credentials &credentials, GraphCall call,
                   GraphRequest &request, Shortcoming &why);

/* Whether the HTTP client accepts this address and this token. If it refuses the request all the
 * same, it had no memory for it. */
bool may_be_sent(const GraphRequest &request) noexcept;

/* Views into request. */
net::HttpRequest to_http_request(const GraphRequest &request, std::uint64_t id) noexcept;

} // namespace whatsapp::entry
