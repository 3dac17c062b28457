/*
 * url.hpp — where a token may travel: https anywhere, http to this machine only (the sandbox, a
 * local gateway).
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* True for https://host…, and for http:// with a loopback host (127.0.0.0/8, [::1], localhost). No
 * user part, no control characters, no spaces, no fragment. */
bool url_allowed(std::string_view url) noexcept;

/* Why it cannot be a base URL of the API: a sentence. NULL when it can. What is behind the host is
 * put before "/version/id", so it may not end with a version of its own or a query. */
const char *base_url_problem(std::string_view url) noexcept;

/* True for a URL that is allowed and has the scheme http: it leads to this machine. */
bool url_is_loopback_http(std::string_view url) noexcept;

/* A name or a value of a query, as of a form: %XX is a byte and + a space; what is neither stays as
 * it is. */
std::string decode_parameter(std::string_view text);

} // namespace whatsapp
