/*
 * value_list.hpp — the values of several rows as the text of one parameter.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

/* In characters, of all parameters of a message together: a template with a header, a footer or
 * buttons shows 1,024 (132005), its own text among them. */
inline constexpr std::size_t longest_value_list = 800;

/*
 * "PO-1, PO-2, PO-3", or, when that is too long, as many as there is room for, and how many are
 * left out: "PO-1, PO-2 … and 98 more", in the language of the template where it is known. values:
 * all of them, or the first ones of `total`. A single value stands as it is, however long.
 */
std::string join_values(const std::vector<std::string_view> &values, std::size_t total,
                        std::string_view separator, std::string_view language,
                        std::size_t most_characters = longest_value_list);

/* How many characters each list may have in a message that has `lists` lists and, besides, the
 * values of `single`. */
std::size_t room_for_list(const std::vector<std::string_view> &single, std::size_t lists);

} // namespace whatsapp
