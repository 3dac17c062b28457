/*
 * secret_text.hpp — what people put into the files of secrets by mistake.
 *
 * Such a text would be sent as it is, and refused by the platform with "token expired": the reason
 * is told here, and none of the text.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* What is wrong with the text of this secret (access_token and so on), white space around it taken
 * off: the end of a sentence that begins with where it stands, such as "is empty". NULL when
 * nothing is. */
const char *secret_text_problem(std::string_view secret, std::string_view text) noexcept;

/* A text that anybody could guess: short, one of those that stand in examples, or of few different
 * characters. */
bool secret_is_weak(std::string_view secret, std::string_view text) noexcept;

} // namespace whatsapp
