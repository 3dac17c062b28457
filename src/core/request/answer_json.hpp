/*
 * answer_json.hpp — JSON of rows and answers, for the kinds of requests; for sources of core/ only.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_tree_fwd.hpp"

namespace whatsapp
{

/* An object; Fault (22032) when it is none. what: "the request", "the answer". */
json parse_object(std::string_view text, const char *what);

/* A text or a number of that name as text; Fault (22023) when it is missing or empty. */
std::string required_member(const json &object, const char *name);

/* The cursor of the next page; empty when this was the last one. Fault when it leads nowhere. */
std::string next_page(const json &answer, std::string_view cursor);

} // namespace whatsapp
