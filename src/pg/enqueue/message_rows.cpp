/*
 * message_rows.cpp — every column that the statement sets or a default would fill.
 */
#include "pg/enqueue/message_rows.hpp"

#include "pg/server/settings.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

TimestampTz
due_time(const NewMessage &message)
{
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	return message.has_send_at ? Max(message.send_at, now) : now;
}

void
fill_message_rows(MessageRows &rows, const NewMessage &message)
{
	const TimestampTz due = due_time(message);
	const Datum expires = TimestampTzGetDatum(
	    message.has_expires_at
	        ? message.expires_at
	        : due + static_cast<TimestampTz>(settings.default_ttl) * USECS_PER_SEC);
	const Datum priority = Int16GetDatum(static_cast<int16>(message.priority));
	rows.id = nextval_internal(messages_shape.sequence, true);

	auto &made = rows.message;
	made.clear();
	made.set(message_column::id, Int64GetDatum(rows.id));
	made.set(message_column::created_at,
	         TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	made.set_text(message_column::sender, message.sender);
	made.set_text(message_column::recipient_phone, message.recipient_phone);
	made.set_text(message_column::message_type, message.message_type);
	made.set_text(message_column::template_name, message.template_name);
	made.set_text(message_column::template_language, message.template_language);
	made.set_text(message_column::payload, message.payload);
	made.set(message_column::priority, priority);
	made.set_text(message_column::reference, message.reference);
	made.set_text(message_column::idempotency_key, message.idempotency_key);
	made.set_text(message_column::enqueued_by, message.enqueued_by != nullptr
	                                               ? message.enqueued_by
	                                               : GetUserNameFromId(GetSessionUserId(), false));
	if (message.campaign_id != 0)
		made.set(message_column::campaign_id, Int64GetDatum(message.campaign_id));
	made.set(message_column::expires_at, expires);
	made.set(message_column::attempts, Int32GetDatum(0));
	made.set_text(message_column::status, "PENDING");

	auto &queued = rows.queued;
	queued.clear();
	queued.set(queue_column::message_id, Int64GetDatum(rows.id));
	queued.set_text(queue_column::sender, message.sender);
	queued.set_text(queue_column::recipient, message.recipient_phone);
	queued.set(queue_column::priority, priority);
	queued.set_text(queue_column::state, "ready");
	queued.set(queue_column::paced, BoolGetDatum(false));
	queued.set(queue_column::due_at, TimestampTzGetDatum(due));
	queued.set(queue_column::expires_at, expires);
	if (message.campaign_id != 0)
		queued.set(queue_column::campaign_id, Int64GetDatum(message.campaign_id));
	queued.set(queue_column::attempts, Int32GetDatum(0));
	queued.set(queue_column::crashes, Int32GetDatum(0));
}

MessageTables
open_message_tables()
{
	MessageTables tables = {open_to_insert(messages_shape), nullptr};
	if (tables.messages != nullptr)
		tables.queue = open_to_insert(queue_shape);
	if (tables.messages != nullptr && tables.queue == nullptr) {
		table_close(tables.messages, NoLock);
		tables.messages = nullptr;
	}
	return tables;
}

void
close_message_tables(const MessageTables &tables)
{
	table_close(tables.queue, NoLock);
	table_close(tables.messages, NoLock);
}

} // namespace whatsapp::pg
