/*
 * plain_status.hpp — whether a status tells nothing but what has columns of its own.
 */
#pragma once

namespace whatsapp
{

struct JsonNode;

/* An item of statuses[]: its word and every member of it are known, and it tells no error. All of
 * that is in columns of the event and of its message, and its JSON would say it twice. */
bool is_plain_status(const JsonNode &item) noexcept;

} // namespace whatsapp
