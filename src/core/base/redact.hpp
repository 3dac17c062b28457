/*
 * redact.hpp — what of a personal datum may be logged or shown in an error.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

/* "+34612345678" → "+34…678": at most the first three and the last three bytes; short input gives
 * "…" alone. ASCII in, UTF-8 out. */
std::string mask_phone(std::string_view phone);

/* At most max_bytes bytes of text, cut at a UTF-8 character boundary. */
std::string_view clip_text(std::string_view text, std::size_t max_bytes) noexcept;

/* The same bytes as valid UTF-8 without NUL: each bad byte and each NUL becomes U+FFFD. What comes
 * from outside passes here before it may become text in the database. */
std::string clean_utf8(std::string_view bytes);

/* text with every access token cut to its first three letters: the API repeats a malformed token in
 * its error message ("Malformed access token EAA…"). */
std::string hide_tokens(std::string_view text);

/* text without the secret, wherever it stands in it: "…" takes its place. A secret of fewer than
 * min_hidden_bytes is left, since it would be found in ordinary words. */
inline constexpr std::size_t min_hidden_bytes = 4;
std::string hide_secret(std::string_view text, std::string_view secret);

/* A name or code in double quotes for an error message: one line of at most 64 bytes, valid UTF-8,
 * a control character as \xNN. */
std::string quote_name(std::string_view name);

} // namespace whatsapp
