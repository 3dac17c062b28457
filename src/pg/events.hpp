/*
 * events.hpp — what webhooks tell, stored once; and the lattice that makes of it the status of a
 * message.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp::pg
{

/* Views on one item of a delivery. NULL or empty for what is absent; valid UTF-8 throughout. */
struct Event {
	const char *kind;
	const char *field;
	const char *account_id;
	const char *phone_number_id;
	const char *dedupe_key;
	const char *raw;        /* JSON */
	std::int64_t timestamp; /* Unix seconds, 0: none */
	const char *wamid;
	const char *status;
	const char *nonce; /* of biz_opaque_callback_data; NULL when it is none of ours */
	std::int64_t message_id;
	const char *wa_id;
	const char *user_id;
	const char *conversation_id;
	const char *pricing_category;
	const char *pricing_type;
	bool has_error;
	std::int64_t error_code;
	const char *error_message;
	const char *error_details;
	const char *hint;
};

/* In a transaction: stores those that are new and applies the statuses among them, queue row before
 * message row, in order of message id. A status whose message is not known yet stays parked. */
void store_events(const Event *events, std::size_t count);

/* A body that is no delivery, kept for people; repeats are absorbed. */
void quarantine(const char *bytes, std::size_t size);

/* Matches parked statuses with messages that have got their wamid since. */
void match_parked();

} // namespace whatsapp::pg
