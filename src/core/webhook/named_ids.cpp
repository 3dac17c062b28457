/*
 * named_ids.cpp — one walk over the beginning of a body, by its quotation marks.
 */
#include "core/webhook/named_ids.hpp"

#include <algorithm>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_scanned_bytes = std::size_t{64} * 1024;
constexpr std::size_t max_id_bytes = 32;
constexpr std::string_view digits = "0123456789";
constexpr std::string_view white_space = " \t\r\n";

void
skip_space(std::string_view &text) noexcept
{
	text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
}

/* Behind a key: a colon, and digits in quotation marks. Empty for anything else. */
std::string_view
id_behind_key(std::string_view text) noexcept
{
	skip_space(text);
	if (text.empty() || text.front() != ':')
		return {};
	text.remove_prefix(1);
	skip_space(text);
	if (text.empty() || text.front() != '"')
		return {};
	text.remove_prefix(1);
	const std::size_t length = text.find_first_not_of(digits);
	const bool is_id = length != std::string_view::npos && length > 0 && length <= max_id_bytes &&
	                   text[length] == '"';
	return is_id ? text.substr(0, length) : std::string_view();
}

void
add_id(NamedIds &named, std::string_view id) noexcept
{
	const std::string_view *const begin = named.ids;
	const std::string_view *const end = begin + named.count;
	if (!id.empty() && named.count < NamedIds::max_count && std::find(begin, end, id) == end)
		named.ids[named.count++] = id;
}

} // namespace

NamedIds
find_named_ids(std::string_view body) noexcept
{
	NamedIds named;
	body = body.substr(0, max_scanned_bytes);
	for (std::size_t at = 0; (at = body.find("id\"", at)) != std::string_view::npos; at += 3) {
		const std::string_view before = body.substr(0, at);
		for (const std::string_view key :
		     {std::string_view("\""), std::string_view("\"phone_number_")})
			if (before.size() >= key.size() && before.substr(before.size() - key.size()) == key)
				add_id(named, id_behind_key(body.substr(at + 3)));
	}
	return named;
}

} // namespace whatsapp
