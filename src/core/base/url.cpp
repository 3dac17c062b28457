/*
 * url.cpp — a strict reading of the few URL forms that are allowed; libcurl parses them again and
 * must not see more in them.
 */
#include "core/base/url.hpp"

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* host[:port] up to the path; empty when the authority holds anything else, such as a user part
 * that hides the real host */
std::string_view
host_of(std::string_view authority_and_path) noexcept
{
	const std::string_view authority = authority_and_path.substr(0, authority_and_path.find('/'));
	std::string_view host = authority;
	std::string_view rest;
	if (begins_with(authority, "[")) {
		const auto end = authority.find(']');
		if (end == std::string_view::npos)
			return {};
		host = authority.substr(0, end + 1);
		rest = authority.substr(end + 1);
	} else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
		host = authority.substr(0, colon);
		rest = authority.substr(colon);
	}
	if (!rest.empty() && (rest.size() < 2 || rest.size() > 6 || rest[0] != ':' ||
	                      rest.find_first_not_of("0123456789", 1) != std::string_view::npos))
		return {};
	if (host.find_first_of("@\\?#%") != std::string_view::npos)
		return {};
	return host;
}

bool
is_loopback_host(std::string_view host) noexcept
{
	if (host == "localhost" || host == "[::1]")
		return true;
	/* digits and dots only: 127.0.0.1.example.org is a name that anybody can point anywhere */
	return begins_with(host, "127.") &&
	       host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool
is_plain_url(std::string_view url) noexcept
{
	for (const char c : url)
		if (c <= ' ' || c > '~' || c == '#')
			return false;
	return true;
}

int
hex_digit(char c) noexcept
{
	if (is_digit(c))
		return c - '0';
	c = static_cast<char>(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

bool
url_is_loopback_http(std::string_view url) noexcept
{
	return is_plain_url(url) && begins_with(url, "http://") &&
	       is_loopback_host(host_of(url.substr(7)));
}

bool
url_allowed(std::string_view url) noexcept
{
	if (url_is_loopback_http(url))
		return true;
	return is_plain_url(url) && begins_with(url, "https://") && !host_of(url.substr(8)).empty();
}

namespace
{

/* v25.0 */
bool
is_version(std::string_view text) noexcept
{
	return text.size() >= 2 && text[0] == 'v' && is_digit(text[1]) &&
	       text.find_first_not_of("0123456789.", 1) == std::string_view::npos;
}

} // namespace

const char *
base_url_problem(std::string_view url) noexcept
{
	if (url.find('?') != std::string_view::npos)
		return "The URL must not have a query.";
	if (!url_allowed(url))
		return "The URL must begin with https://, or with http:// for a loopback address.";
	while (!url.empty() && url.back() == '/')
		url.remove_suffix(1);
	if (is_version(url.substr(url.rfind('/') + 1)))
		return "The URL must not have the version at its end: that is whatsapp.api_version.";
	return nullptr;
}

std::string
decode_parameter(std::string_view text)
{
	std::string decoded;
	for (std::size_t at = 0; at < text.size(); at++) {
		const int high = text[at] == '%' && text.size() - at > 2 ? hex_digit(text[at + 1]) : -1;
		const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
		if (low >= 0) {
			decoded += static_cast<char>(high * 16 + low);
			at += 2;
		} else {
			decoded += text[at] == '+' ? ' ' : text[at];
		}
	}
	return decoded;
}

} // namespace whatsapp
