/*
 * json_lenient.hpp — as much of a foreign JSON document as can be read, where json_bounded.hpp
 * refuses all of it; for sources of core/ only.
 *
 * For the answers of the API: one bad character in a text must not hide the error code beside it.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_tree_fwd.hpp"

namespace whatsapp
{

/* text with U+FFFD for half surrogates, malformed UTF-8 and NUL, spaces for other control
 * characters in strings, and strings in place of numbers beyond double precision. Everything else,
 * what is no JSON included, stays as it is. */
std::string mend_json(std::string_view text);

/* The tree of the mended text, without what is nested deeper than max_json_depth or comes after
 * max_json_values, and with long strings cut. False: it is no JSON, and tree is untouched. Never
 * throws but std::bad_alloc. */
bool parse_lenient(std::string_view text, json &tree);

} // namespace whatsapp
