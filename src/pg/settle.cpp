/*
 * settle.cpp — what became of the messages on the wire, written down; the second half of queue.hpp.
 *
 * Every statement but the one for success asks whether the queue row is still "sending": a status
 * webhook may have come before the answer and settled it, and what it said is the truth.
 */
#include "pg/queue.hpp"

#include "pg/senders.hpp"

#include "pg/array.hpp"
#include "pg/statement.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

void
settle_sent(const Settled *rows, std::size_t count)
{
	/* A row that is ready is a new attempt, asked for by wa_retry() after a webhook had told that
	 * this one failed: it stays, and the late answer says nothing about it. */
	static Statement dequeue = {
	    "DELETE FROM @s@.whatsapp_queue WHERE message_id = ANY ($1) AND state <> 'ready'",
	    1,
	    {INT8ARRAYOID}};
	static Statement record = {
	    "UPDATE @s@.whatsapp_messages AS m SET"
	    "  status = CASE WHEN m.status = 'PENDING' THEN 'SENT' ELSE m.status END,"
	    "  wamid = coalesce(m.wamid, a.wamid), wa_id = coalesce(a.wa_id, m.wa_id), user_id = coalesce(a.user_id, m.user_id),"
	    "  sent_at = least(m.sent_at, now()), attempts = a.attempt,"
	    "  error_code = CASE WHEN m.status = 'FAILED' THEN m.error_code END,"
	    "  error_message = CASE WHEN m.status = 'FAILED' THEN m.error_message END,"
	    "  error_details = CASE WHEN m.status = 'FAILED' THEN m.error_details END,"
	    "  hint = CASE WHEN m.status = 'FAILED' THEN m.hint END"
	    " FROM unnest($1, $2, $3, $4, $5) AS a (id, wamid, wa_id, user_id, attempt) WHERE m.id = a.id"
	    "  AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id)",
	    5,
	    {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID}};
	Array ids(count, INT8OID);
	Array wamids(count, TEXTOID);
	Array wa_ids(count, TEXTOID);
	Array user_ids(count, TEXTOID);
	Array attempts(count, INT4OID);
	for (std::size_t i = 0; i < count; i++) {
		if (rows[i].how != Settle::sent)
			continue;
		ids.add(Int64GetDatum(rows[i].id));
		wamids.add_identifier(rows[i].wamid);
		wa_ids.add_identifier(rows[i].wa_id);
		user_ids.add_identifier(rows[i].user_id);
		attempts.add(Int32GetDatum(rows[i].attempt));
	}
	if (ids.size() == 0)
		return;

	Values values;
	values.set(0, ids.datum());
	run(dequeue, values);
	values.set(1, wamids.datum());
	values.set(2, wa_ids.datum());
	values.set(3, user_ids.datum());
	values.set(4, attempts.datum());
	run(record, values);
}

/* The tail that every failure shares: the attempt's own row, and what the message row shows of it.
 * $1 id, $2 attempt, $3 outcome, $4 HTTP status, $5 code, $6 message, $7 details, $8 hint. */
#define RECORD_FAILURE                                                                           \
	", attempt AS (INSERT INTO @s@.whatsapp_attempts"                                            \
	"  (message_id, attempt, outcome, http_status, error_code, error_message, error_details)"    \
	"  SELECT $1, $2, $3, $4, $5, $6, $7::jsonb FROM entry)"                                     \
	" UPDATE @s@.whatsapp_messages AS m SET attempts = $2, error_code = $5, error_message = $6," \
	"  error_details = $7::jsonb, hint = $8"

#define FAILURE_TYPES INT8OID, INT4OID, TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID

Statement retry = {
    "WITH entry AS (UPDATE @s@.whatsapp_queue SET state = 'ready', due_at = now() + make_interval(secs => $9), changed_at = now()"
    "  WHERE message_id = $1 AND state = 'sending' RETURNING message_id)" RECORD_FAILURE
    " FROM entry WHERE m.id = entry.message_id AND m.status = 'PENDING'",
    9,
    {FAILURE_TYPES, FLOAT8OID}};

Statement fail = {
    "WITH entry AS (DELETE FROM @s@.whatsapp_queue WHERE message_id = $1 AND state = 'sending' RETURNING message_id)" RECORD_FAILURE
    ", status = 'FAILED', failed_at = now() FROM entry WHERE m.id = entry.message_id AND m.status = 'PENDING'",
    8,
    {FAILURE_TYPES}};

Statement doubt = {
    "WITH entry AS (UPDATE @s@.whatsapp_queue SET state = 'unknown', unknown_at = now(), changed_at = now()"
    "  WHERE message_id = $1 AND state = 'sending' RETURNING message_id)" RECORD_FAILURE
    " FROM entry WHERE m.id = entry.message_id AND m.status = 'PENDING'",
    8,
    {FAILURE_TYPES}};

/* the account's trouble is not the message's: it keeps its attempts and its clean row */
Statement put_back = {
    "UPDATE @s@.whatsapp_queue SET state = 'ready', attempts = attempts - 1, changed_at = now()"
    " WHERE message_id = $1 AND state = 'sending'",
    1,
    {INT8OID}};

void
settle_paused(const Settled &row)
{
	Values id;
	id.set(0, Int64GetDatum(row.id));
	run(put_back, id);

	pause_sender(row.sender, row.delay_ms, row.message, row.hint);
}

void
settle_failure(const Settled &row)
{
	Values values;
	values.set(0, Int64GetDatum(row.id));
	values.set(1, Int32GetDatum(row.attempt));
	values.set_text(2, row.outcome);
	if (row.http_status != 0)
		values.set(3, Int32GetDatum(static_cast<int>(row.http_status)));
	if (row.has_code)
		values.set(4, Int64GetDatum(row.code));
	values.set_text(5, row.message);
	if (row.details != nullptr && *row.details != '\0')
		values.set_text(6, row.details);
	values.set_text(7, row.hint);
	switch (row.how) {
	case Settle::retry:
		values.set(8, Float8GetDatum(static_cast<double>(row.delay_ms) / 1000));
		run(retry, values);
		break;
	case Settle::failed:
		run(fail, values);
		break;
	case Settle::unknown:
		run(doubt, values);
		break;
	case Settle::sent:
	case Settle::paused:
		break;
	}
}

} // namespace

void
settle(const Settled *rows, std::size_t count)
{
	/* successes last: what is put back here is ready, which settle_sent() respects */
	for (std::size_t i = 0; i < count; i++) {
		if (rows[i].how == Settle::paused)
			settle_paused(rows[i]);
		else if (rows[i].how != Settle::sent)
			settle_failure(rows[i]);
	}
	settle_sent(rows, count);
}

} // namespace whatsapp::pg
