/*
 * limits.hpp — how long each text may be that a caller makes us store or hold.
 *
 * Without a limit, one row could make a dump fail, or make the sender use a gigabyte. The functions
 * ask here at the call; the CHECKs in sql/parts/40-messages.sql and 41-queue.sql say the same of
 * rows that are written without the functions, and a claim looks at the size of the payload once
 * more. docs/sending.md, "Limits", lists them.
 */
#pragma once

#include <cstddef>
#include <string_view>

namespace whatsapp
{

struct TextLimit {
	const char *field;
	std::size_t bytes;
};

namespace limits
{
inline constexpr TextLimit sender = {"sender", 63};
inline constexpr TextLimit phone = {"phone", 1024};
inline constexpr TextLimit reference = {"reference", 1024};
inline constexpr TextLimit po = {"po", reference.bytes}; /* stored as the reference, too */
inline constexpr TextLimit idempotency_key = {"idempotency_key", 255};
inline constexpr TextLimit reason = {"reason", 1024};
} // namespace limits

/* Any other text or array that is given to a function. The longest that is right: 32,768 characters
 * of four bytes. */
inline constexpr std::size_t max_text_argument_bytes = std::size_t{128} * 1024;
inline constexpr std::size_t max_array_argument_bytes = std::size_t{512} * 1024;

/* whatsapp_messages.payload. What the functions make has half of it at most. */
inline constexpr std::size_t max_payload_bytes = std::size_t{256} * 1024;

/* Fault text_too_long, which names the field, its limit and what it has. */
void check_text_limit(const TextLimit &limit, std::string_view text);

} // namespace whatsapp
