/*
 * json_bounded.hpp — foreign JSON into a tree of known size, and back into text that jsonb accepts;
 * for sources of core/ only.
 *
 * A SAX pass counts before any tree is built, because copying, printing or freeing a deep tree
 * recurses. Whatever came through parse_bounded() is at most max_json_depth deep and safe to print.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/json_tree_fwd.hpp"

namespace whatsapp
{

inline constexpr std::size_t max_json_depth = 32;
inline constexpr std::size_t max_json_values = 50000;
inline constexpr std::size_t max_json_key_bytes = 256;
inline constexpr std::size_t max_json_string_bytes = std::size_t{64} * 1024;

enum class JsonProblem : unsigned char { none, syntax, number, depth, values, key, string };

/* nlohmann's id of "number overflow", the only out_of_range that a parse reports. */
inline constexpr int number_overflow_id = 406;

/* Never throws but std::bad_alloc; tree is untouched unless the result is JsonProblem::none. */
JsonProblem parse_bounded(std::string_view text, json &tree);

/* The problem as one sentence; a static string. */
const char *json_problem_text(JsonProblem problem) noexcept;

/* tree as compact JSON without \u0000, which jsonb refuses: U+FFFD stands in its place. */
std::string to_jsonb_text(const json &tree);

/* text as a JSON string with its quotes; malformed UTF-8 and NUL become U+FFFD. */
void append_json_string(std::string &out, std::string_view text);

/* The member of that name, or NULL when tree is no object or lacks it. */
const json *member(const json &tree, const char *name);

/* A string or an integer as text for the database; empty for everything else, NULL included. */
std::string text_of(const json *value);

} // namespace whatsapp
