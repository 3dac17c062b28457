/*
 * fallback.hpp — the template that is sent instead of a message of another type when the 24-hour
 * window of its recipient is closed at its turn: {"type":"text","text":{…},"fallback":{"type":
 * "template","template":{…}}}.
 *
 * It lies in the payload, so that it lives and goes with the message; the platform never sees it.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* Both are JSON objects as our own functions print them; payload has at least one member. */
std::string add_fallback(std::string_view payload, std::string_view fallback);

/* Whether it is worth a call of remove_fallback(). */
bool may_have_fallback(std::string_view payload) noexcept;

/* The payload without its fallback, as it is to be sent. One that cannot be read stays as it is. */
std::string remove_fallback(std::string_view payload);

} // namespace whatsapp
