/*
 * secret_text.hpp — what people put into the files of secrets by mistake.
 *
 * Such a text would be sent as it is, and refused by the platform with "token expired". Here the
 * true reason is found; no message shows any part of the text.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* What is wrong with text as this secret (access_token and so on): the end of a sentence, such as
 * "is empty", whose beginning is the place where it was found. NULL when nothing is wrong. The
 * caller has removed the white space around text. */
const char *secret_text_problem(std::string_view secret, std::string_view text) noexcept;

/* A text that anybody could guess: short, one of those that stand in examples, or of few different
 * characters. */
bool secret_is_weak(std::string_view secret, std::string_view text) noexcept;

} // namespace whatsapp
