/*
 * settle.cpp — what became of the messages on the wire, written down; the second half of queue.hpp.
 *
 * The statements for everything but success (settle_failure.cpp) ask whether the queue row is still
 * "sending": a status webhook may have come before the answer and settled it, and what it said is
 * the truth.
 */
#include "pg/queue/queue.hpp"

#include "pg/changes/status_changes.hpp"
#include "pg/counts/day_counts.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/queue/settle_failure.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/columns.hpp"
#include "pg/rows/plain_table.hpp"
#include "pg/rows/row_insert.hpp"
#include "pg/server/statement.hpp"
#include "pg/queue/wamids.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

#define SENT                                                                                   \
	" FROM unnest($1, $2, $3, $4, $5, $6) AS a (id, wamid, wa_id, user_id, attempt, address) " \
	"WHERE m.id = a.id"
#define SENT_TYPES \
	INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, tid_array_type

/* A row that is ready is a new attempt, asked for by wa_retry() after a webhook had told that this
 * one failed: it stays, and the late answer says nothing about it. */
Statement dequeue_there = {
    "DELETE FROM @s@.whatsapp_queue AS q USING unnest($1, $2) AS a (id, address)"
    " WHERE q.ctid = a.address AND q.message_id = a.id AND q.state <> 'ready'",
    2,
    {INT8ARRAYOID, tid_array_type}};
Statement dequeue = {
    "DELETE FROM @s@.whatsapp_queue WHERE message_id = ANY ($1) AND state <> 'ready'",
    1,
    {INT8ARRAYOID}};

/* the common case, in the fewest steps */
Statement record_there = {
    "UPDATE @s@.whatsapp_messages AS m SET status = 'SENT', wamid = a.wamid, wa_id = coalesce(a.wa_id, m.wa_id),"
    "  user_id = coalesce(a.user_id, m.user_id), sent_at = now(), attempts = a.attempt,"
    "  error_code = NULL, error_message = NULL, error_details = NULL, hint = NULL" SENT
    " AND m.ctid = a.address AND m.status = 'PENDING' AND m.wamid IS NULL",
    6,
    {SENT_TYPES}};
/* for those that a webhook has changed since; the others are as they should be already */
Statement record = {
    "UPDATE @s@.whatsapp_messages AS m SET status = CASE WHEN m.status = 'PENDING' THEN 'SENT' ELSE m.status END,"
    "  wamid = coalesce(m.wamid, a.wamid), wa_id = coalesce(a.wa_id, m.wa_id), user_id = coalesce(a.user_id, m.user_id),"
    "  sent_at = least(m.sent_at, now()), attempts = a.attempt,"
    "  error_code = CASE WHEN m.status = 'FAILED' THEN m.error_code END,"
    "  error_message = CASE WHEN m.status = 'FAILED' THEN m.error_message END,"
    "  error_details = CASE WHEN m.status = 'FAILED' THEN m.error_details END,"
    "  hint = CASE WHEN m.status = 'FAILED' THEN m.hint END" SENT
    " AND (m.wamid IS DISTINCT FROM a.wamid OR m.sent_at IS NULL OR m.attempts <> a.attempt)"
    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id)",
    6,
    {SENT_TYPES}};

Statement remember = {"INSERT INTO @s@.whatsapp_wamids (hash, message_id, generation)"
                      " SELECT hashtextextended(a.wamid, 0), a.id, " NEWEST_GENERATION
                      " FROM unnest($1, $2) AS a (id, wamid)"
                      " WHERE a.wamid IS NOT NULL",
                      2,
                      {INT8ARRAYOID, TEXTARRAYOID}};

/* The arrays of those statements. */
struct SentColumns {
	Datum ids;
	Datum wamids;
	Datum wa_ids;
	Datum user_ids;
	Datum attempts;
	Datum queue_rows;
	Datum message_rows;
};

SentColumns
columns_of(const Settled *const *rows, std::size_t count)
{
	Column ids(count);
	Column wamids(count);
	Column wa_ids(count);
	Column user_ids(count);
	Column attempts(count);
	Column queue_rows(count);
	Column message_rows(count);
	for (std::size_t i = 0; i < count; i++) {
		const Settled &row = *rows[i];
		ids.add(Int64GetDatum(row.id));
		wamids.add_identifier(row.wamid);
		wa_ids.add_identifier(row.wa_id);
		user_ids.add_identifier(row.user_id);
		attempts.add(Int32GetDatum(row.attempt));
		queue_rows.add_address(row.queue_row);
		message_rows.add_address(row.message_row);
	}
	return {ids.array(INT8OID),        wamids.array(TEXTOID),   wa_ids.array(TEXTOID),
	        user_ids.array(TEXTOID),   attempts.array(INT4OID), queue_rows.array(TIDOID),
	        message_rows.array(TIDOID)};
}

Values
values_of(const SentColumns &arrays)
{
	Values values;
	values.set(0, arrays.ids);
	values.set(1, arrays.wamids);
	values.set(2, arrays.wa_ids);
	values.set(3, arrays.user_ids);
	values.set(4, arrays.attempts);
	values.set(5, arrays.message_rows);
	return values;
}

/* True when all of them were at the addresses that were noted when they were marked. */
bool
dequeue_sent(const Settled *const *rows, std::size_t count)
{
	PlainTable queue;
	if (!queue.open_table(queue_shape, reads | deletes)) {
		const SentColumns arrays = columns_of(rows, count);
		Values values;
		values.set(0, arrays.ids);
		values.set(1, arrays.queue_rows);
		return run_statement(dequeue_there, values).count() == count;
	}
	std::size_t gone = 0;
	for (std::size_t i = 0; i < count; i++) {
		bool null;
		gone += queue.find_row(rows[i]->queue_row) &&
		        DatumGetInt64(queue.value_of(queue_column::message_id, null)) == rows[i]->id &&
		        !is_word(queue.value_of(queue_column::state, null), "ready") && queue.remove_row();
	}
	queue.close_table();
	return gone == count;
}

void
remember_sent(const Settled *const *sent, std::size_t count)
{
	Relation wamids = open_to_insert(wamids_shape);
	if (wamids == nullptr) {
		const SentColumns arrays = columns_of(sent, count);
		Values values;
		values.set(0, arrays.ids);
		values.set(1, arrays.wamids);
		run_statement(remember, values);
		return;
	}
	const Datum generation = Int32GetDatum(newest_generation());
	using NewWamid = NewRow<wamid_column::count>;
	auto *made = static_cast<NewWamid *>(palloc(sizeof(NewWamid) * count));
	auto *rows = static_cast<Row *>(palloc(sizeof(Row) * count));
	int size = 0;
	for (std::size_t i = 0; i < count; i++) {
		if (*sent[i]->wamid == '\0')
			continue;
		NewWamid &row = made[i];
		row.clear();
		row.set(wamid_column::hash,
		        DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID,
		                                PointerGetDatum(indexable_identifier(sent[i]->wamid)),
		                                Int64GetDatum(0)));
		row.set(wamid_column::message_id, Int64GetDatum(sent[i]->id));
		row.set(wamid_column::generation, generation);
		rows[size++] = row.row();
	}
	if (size > 0)
		insert_rows(wamids, wamids_shape, rows, size);
	table_close(wamids, NoLock);
}

void
set_identifier(PlainTable &table, int column, const char *identifier)
{
	if (*identifier != '\0')
		table.set_value(column, PointerGetDatum(indexable_identifier(identifier)));
}

const char *
text_of(PlainTable &messages, int column)
{
	bool null;
	const Datum value = messages.value_of(column, null);
	return null ? nullptr : TextDatumGetCString(value);
}

/* What has to be counted and noted here, since no statement fires the trigger on UPDATE that does
 * it. */
struct Noted {
	DayCounts counts;
	StatusChanges changes;
};

void
note_sent(PlainTable &messages, const Settled &row, TimestampTz now, Noted &noted)
{
	CountedMessage message = {};
	message.sender = text_of(messages, message_column::sender);
	message.template_name = text_of(messages, message_column::template_name);
	message.category = text_of(messages, message_column::pricing_category);
	message.status = "SENT";
	message.sent_at = now;
	bool none;
	const Datum campaign = messages.value_of(message_column::campaign_id, none);
	message.campaign_id = none ? 0 : DatumGetInt64(campaign);
	noted.counts.add_message(message, 1);
	NotedMessage change = {};
	change.id = row.id;
	change.sender = message.sender;
	change.status = "SENT";
	change.sent_at = now;
	noted.changes.add_change("PENDING", 0, change);
}

/* Does for one row what record_there does. */
bool
record_row(PlainTable &messages, const Settled &row, Datum sent, Datum now, Noted &noted)
{
	bool null;
	bool no_wamid;
	if (!messages.find_row(row.message_row) ||
	    DatumGetInt64(messages.value_of(message_column::id, null)) != row.id ||
	    !is_word(messages.value_of(message_column::status, null), "PENDING"))
		return false;
	(void)messages.value_of(message_column::wamid, no_wamid);
	if (!no_wamid)
		return false;
	messages.begin_change();
	messages.set_value(message_column::status, sent);
	set_identifier(messages, message_column::wamid, row.wamid);
	set_identifier(messages, message_column::wa_id, row.wa_id);
	set_identifier(messages, message_column::user_id, row.user_id);
	messages.set_value(message_column::sent_at, now);
	messages.set_value(message_column::attempts, Int32GetDatum(row.attempt));
	for (const int error : {message_column::error_code, message_column::error_message,
	                        message_column::error_details, message_column::hint})
		messages.set_null(error);
	if (messages.update_row() == 0)
		return false;
	note_sent(messages, row, DatumGetTimestampTz(now), noted);
	return true;
}

/* True when all of them were as they had been marked. */
bool
record_sent(const Settled *const *rows, std::size_t count)
{
	PlainTable messages;
	if (settings.notify_status || !messages.open_table(messages_shape, reads | updates))
		return run_statement(record_there, values_of(columns_of(rows, count))).count() == count;
	const Datum sent = CStringGetTextDatum("SENT");
	const Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	std::size_t recorded = 0;
	Noted noted;
	for (std::size_t i = 0; i < count; i++)
		recorded += record_row(messages, *rows[i], sent, now, noted);
	messages.close_table();
	noted.counts.write_counts();
	noted.changes.write_changes();
	return recorded == count;
}

/* A message that was sent must not stay in the queue: the next sender would send it again. */
void
dequeue_wherever(const Settled *const *sent, std::size_t count)
{
	static Statement left = {
	    "SELECT 1 FROM @s@.whatsapp_queue WHERE message_id = ANY ($1) AND state <> 'ready' LIMIT 1",
	    1,
	    {INT8ARRAYOID}};
	Values values;
	values.set(0, columns_of(sent, count).ids);
	run_statement(dequeue, values);
	if (!run_statement(left, values).empty())
		raise_left_out("whatsapp_queue");
}

/* A message without a row in the queue must not stay PENDING: nobody would ever look at it
 * again. */
void
record_wherever(const Settled *const *sent, std::size_t count)
{
	static Statement left = {
	    "SELECT 1 FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.status = 'PENDING'"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id) LIMIT 1",
	    1,
	    {INT8ARRAYOID}};
	const Values values = values_of(columns_of(sent, count));
	run_statement(record, values);
	if (!run_statement(left, values).empty())
		raise_left_out("whatsapp_messages");
}

void
settle_sent(const Settled *rows, std::size_t count)
{
	auto **sent = static_cast<const Settled **>(palloc(sizeof(Settled *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == Settle::sent)
			sent[size++] = rows + i;
	if (size == 0)
		return;

	const bool dequeued = dequeue_sent(sent, size);
	if (!dequeued)
		dequeue_wherever(sent, size);
	fault_point(FaultPoint::settle_dequeued);
	remember_sent(sent, size);
	fault_point(FaultPoint::settle_remembered);
	if (!dequeued || !record_sent(sent, size))
		record_wherever(sent, size);
}

} // namespace

void
settle_messages(const Settled *rows, std::size_t count)
{
	/* successes last: what is put back here is ready, which settle_sent() respects */
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how != Settle::sent)
			settle_failure(rows[i]);
	settle_sent(rows, count);
	fault_point(FaultPoint::settled, count);
}

} // namespace whatsapp::pg
