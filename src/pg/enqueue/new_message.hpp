/*
 * new_message.hpp — what a caller wants to be sent.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* NULL for what is absent. Strings are in the server's memory and encoding. */
struct NewMessage {
	const char *sender;
	const char *recipient_phone;
	const char *message_type;
	const char *template_name;
	const char *template_language;
	const char *payload; /* JSON */
	const char *reference;
	bool has_send_at;
	std::int64_t send_at; /* TimestampTz */
	const char *idempotency_key;
	int priority = 1; /* 0 urgent, 1 normal, 2 bulk */
};

} // namespace whatsapp::pg
