/*
 * listen_text.cpp — a setting that nobody could listen on is refused when it is made, not at each
 * try.
 */
#include "core/base/listen_text.hpp"

#include <cstddef>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_unix_path = 107; /* sockaddr_un of Linux */
constexpr std::string_view digits = "0123456789";

/* A decimal number that is not greater than most. */
bool
is_number(std::string_view text, unsigned most) noexcept
{
	if (text.empty() || text.size() > 5 || text.find_first_not_of(digits) != std::string_view::npos)
		return false;
	unsigned value = 0;
	for (const char c : text)
		value = value * 10 + static_cast<unsigned>(c - '0');
	return value <= most;
}

bool
is_v4(std::string_view host) noexcept
{
	for (int i = 0; i < 3; i++) {
		const auto dot = host.find('.');
		if (dot == std::string_view::npos || !is_number(host.substr(0, dot), 255))
			return false;
		host.remove_prefix(dot + 1);
	}
	return is_number(host, 255);
}

/* Looks at the characters only; net/server/listen_address.cpp leaves the form to getaddrinfo(). */
bool
may_be_v6(std::string_view host) noexcept
{
	return host.size() >= 2 && host.find(':') != std::string_view::npos &&
	       host.find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
}

} // namespace

bool
listen_address_formed(std::string_view address) noexcept
{
	if (!address.empty() && address[0] == '/')
		return address.size() > 1 && address.size() <= max_unix_path;
	const auto colon = address.rfind(':');
	if (colon == std::string_view::npos || !is_number(address.substr(colon + 1), 65535))
		return false;
	const std::string_view host = address.substr(0, colon);
	if (host.size() > 2 && host.front() == '[' && host.back() == ']')
		return may_be_v6(host.substr(1, host.size() - 2));
	return host == "localhost" || is_v4(host);
}

bool
listen_address_is_loopback(std::string_view address) noexcept
{
	if (!address.empty() && address[0] == '/')
		return true;
	const std::string_view host = address.substr(0, address.rfind(':'));
	return host == "localhost" || host == "[::1]" || host.substr(0, 4) == "127.";
}

} // namespace whatsapp
