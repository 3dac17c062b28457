/*
 * graph_ask.cpp — queries as RFC 3986 wants them.
 */
#include "core/request/graph_ask.hpp"

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr char hex_digits[] = "0123456789ABCDEF";

bool
is_unreserved(char c) noexcept
{
	return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

} // namespace

void
append_query(std::string &query, std::string_view name, std::string_view value)
{
	if (!query.empty())
		query += '&';
	query.append(name).append("=");
	for (const char c : value) {
		const auto byte = static_cast<unsigned char>(c);
		if (is_unreserved(byte) || c == ',') {
			query += c;
			continue;
		}
		query += '%';
		query += hex_digits[byte >> 4];
		query += hex_digits[byte & 15];
	}
}

} // namespace whatsapp
