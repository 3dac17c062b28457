/*
 * new_message.hpp — what a caller wants to be sent.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* For whom a worker calls a function right now; NULL for nobody. A worker's session user is the
 * extension's owner, whose messages these are not. */
inline const char *acting_role = nullptr;

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
	/* absent: the time to live of the setting, from the time it is due */
	bool has_expires_at = false;
	std::int64_t expires_at = 0; /* TimestampTz */
	/* whose message it is; NULL: the session user's */
	const char *enqueued_by = acting_role;
	/* 0: of none */
	std::int64_t campaign_id = 0;
	/* Its template, or its fallback's, is known to be for one-time codes: see code_messages.hpp. */
	bool has_code = false;
	/* If a message with this key exists, it stands, whatever is in this one. */
	bool first_of_key_stands = false;
	/* The caller has looked, and nobody has the key: the message may be written with others in a
	 * batch, which raises 23505 when somebody has it after all. */
	bool key_is_new = false;
};

} // namespace whatsapp::pg
