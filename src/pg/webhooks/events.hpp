/*
 * events.hpp — what webhooks tell, stored once, and what is done about it: statuses at once and all
 * together, the rest by the reader (intake.hpp).
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
	unsigned char key[16];  /* the same item again has the same one */
	const char *raw;        /* JSON */
	const char *contact;    /* JSON */
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
	const char *pricing_model;
	int billable; /* 0, 1, or -1 */
	bool has_error;
	std::int64_t error_code;
	const char *error_message;
	const char *error_details;
	const char *hint;
};

/* A run of events, as one delivery brings them. */
struct Batch {
	const Event *events;
	std::size_t count;
};

/* In a transaction: stores those that are new, applies the statuses among them, queue row before
 * message row, in order of message id, and leaves the others to the reader. A status whose message
 * is not known yet stays parked. The cost is one of statements, not of events: many deliveries at
 * once are better than one after the other. */
void store_events(const Batch *batches, std::size_t count);
void store_events(const Event *events, std::size_t count);

/* A body that is no delivery, kept for people; repeats are absorbed. */
void quarantine(const char *bytes, std::size_t size);

/* Matches parked statuses of the last seconds with messages whose wamid is of this generation or
 * newer: see wamids.hpp. Some at a time: false when there may be more. */
bool match_parked(int seconds, std::int32_t oldest_generation);

/* Those that came and were learnt in the last half minute. */
void match_lately_parked();

} // namespace whatsapp::pg
