/*
 * plain_status.hpp — whether a status tells nothing but what has columns of its own.
 */
#pragma once

namespace whatsapp
{

struct JsonNode;

/* True for an item of statuses[] whose word and members are all known, and which tells no error.
 * All that it says is in columns of the event and of its message, so its JSON need not be kept. */
bool is_plain_status(const JsonNode &item) noexcept;

} // namespace whatsapp
