/*
 * messages.hpp — new rows of whatsapp_messages, and the queue rows that stand beside them.
 */
#pragma once

#include <cstdint>

#include "pg/enqueue/new_message.hpp"

namespace whatsapp::pg
{

struct Failure;

/* The sender of messages that name none, where no setting says otherwise. */
inline constexpr char default_sender[] = "default";

/* Raises 0A000 unless the database is in UTF8: JSON is, and so is all that the platform sends. */
void require_utf8();

/* "default" needs no row. With SPI connected. */
bool sender_exists(const char *sender);

/* NULL takes whatsapp.default_sender. Raises 42704 unless the sender exists, and as require_utf8().
 */
const char *resolve_sender(const char *sender);

/* Raises what enqueue_message() would raise for the message's sake: its size, or a key that is
 * another message's. With SPI connected. */
void require_enqueueable(const NewMessage &message);

/* All in the caller's transaction, with SPI connected. Return the id. */
std::int64_t enqueue_message(const NewMessage &message);
/* The messages of one statement. What is added is written when the batch is full or ended, a page
 * at a time. */
struct MessageBatch;
MessageBatch *begin_message_batch();
void add_message(MessageBatch &batch, const NewMessage &message);
void end_message_batch(MessageBatch &batch);
/* What was added is not written: a subtransaction was rolled back meanwhile. */
void forget_message_batch(MessageBatch &batch);

std::int64_t record_refused(const NewMessage &refused, const Failure &why);

} // namespace whatsapp::pg
