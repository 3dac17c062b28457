/*
 * message_rows.hpp — the two rows of a new message, straight into their tables; a part of
 * messages.cpp, whose statement does the same where a table was altered.
 */
#pragma once

#include <cstdint>

#include "pg/enqueue/new_message.hpp"
#include "pg/rows/row_insert.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace whatsapp::pg
{

struct MessageRows {
	std::int64_t id;
	NewRow<message_column::count> message;
	NewRow<queue_column::count> queued;
};

/* When the message is due. A time that is over means now: else it would go before those that wait,
 * and expire at once. */
TimestampTz due_time(const NewMessage &message);

/* The tables must be open: only then is the sequence of the ids known. */
void fill_message_rows(MessageRows &rows, const NewMessage &message);

/* Both tables, or none when a statement has to insert the rows. */
struct MessageTables {
	Relation messages;
	Relation queue;
};
MessageTables open_message_tables();
void close_message_tables(const MessageTables &tables);

} // namespace whatsapp::pg
