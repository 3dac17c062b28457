/*
 * messages.hpp — new rows of whatsapp_messages, and the queue rows that stand beside them.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

struct Failure;

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

/* Raises 0A000 unless the database is in UTF8: JSON is, and so is all that the platform sends. */
void require_utf8();

/* "default" needs no row. With SPI connected. */
bool sender_exists(const char *sender);

/* NULL takes whatsapp.default_sender. Raises 42704 unless the sender exists, and as require_utf8().
 */
const char *resolve_sender(const char *sender);

/* All in the caller's transaction, with SPI connected. Return the id. */
std::int64_t enqueue(const NewMessage &message);
/* Of one statement; what is added is written when the batch is full or ended, a page at a time. */
struct MessageBatch;
MessageBatch *begin_batch();
void add(MessageBatch &batch, const NewMessage &message);
void end(MessageBatch &batch);

std::int64_t record_refused(const NewMessage &message, const Failure &why);

} // namespace whatsapp::pg
