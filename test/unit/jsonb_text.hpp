/*
 * jsonb_text.hpp — would jsonb_in take this text? Asked without a server.
 *
 * Beyond valid JSON, jsonb refuses the escape \u0000; the same characters after a backslash of
 * their own (\\u0000) are ordinary text.
 */
#pragma once

#include <string_view>

#include "core/base/json_tree.hpp"

namespace whatsapp
{

inline bool
jsonb_accepts(std::string_view text)
{
	if (!whatsapp::json::accept(text))
		return false;
	for (std::size_t at = 0; at < text.size(); at++)
		if (text[at] == '\\') {
			if (text.substr(at, 6) == "\\u0000")
				return false;
			at++;
		}
	return true;
}

} // namespace whatsapp
