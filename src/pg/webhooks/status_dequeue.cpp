/*
 * status_dequeue.cpp — which statuses are about the attempt that the row in the queue stands for; a
 * part of status_join.cpp.
 */
#include "pg/webhooks/status_sum.hpp"

#include <algorithm>

#include "pg/queue/wamids.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/columns.hpp"
#include "pg/webhooks/event_reading.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* While a message waited for another attempt, statuses of the attempt before were stored but not
 * applied. Now a status says that this attempt has arrived after all, so the earlier ones of it
 * count, too. */
void
add_earlier_statuses(StatusSum &sum)
{
	static Statement statement = {
	    "SELECT raw::text, contact::text, received_at FROM @s@.whatsapp_events"
	    " WHERE message_id = $1 AND wamid = $2 AND kind = 'status' AND raw IS NOT NULL",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(sum.message_id));
	values.set_identifier(1, sum.progress.told.wamid);
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		StatusReport report;
		if (!read_stored_status(rows.text_at(i, 1), rows.text_at(i, 2), report))
			continue;
		if (report.timestamp == 0)
			report.timestamp = timestamptz_to_time_t(rows.int64_at(i, 3));
		add_report(sum.progress, report);
	}
}

/*
 * SQL: the row of the queue, when these statuses are about its attempt: then the message must not
 * be sent again, and the row is to be removed.
 *
 * After wa_retry(), the row stands for an attempt that is yet to come, or on its way. "sent" and
 * "failed" of an older attempt, which is over, say nothing about it. An older attempt is known by
 * one of two things: its wamid is remembered, since wa_retry() takes it from the message; or
 * nothing has left since wa_retry(), though something had before. A message that was put back
 * because nobody knew what had become of it is settled by any status.
 */
#define OF_SETTLED                                                                     \
	" FROM @s@.whatsapp_queue AS q WHERE q.message_id = $1 AND ($3 OR NOT ("           \
	"   (q.state = 'ready' AND q.attempts = 0"                                         \
	"    AND (SELECT m.attempts > 0 FROM @s@.whatsapp_messages AS m WHERE m.id = $1))" \
	"   OR " WAMID_IS_REMEMBERED("$2", "$1") "))"

void
dequeue_message(StatusSum &sum, bool is_ready)
{
	static Statement dequeue = {"DELETE" OF_SETTLED, 3, {INT8OID, TEXTOID, BOOLOID}};
	static Statement left = {"SELECT 1" OF_SETTLED, 3, {INT8OID, TEXTOID, BOOLOID}};
	Values values;
	values.set(0, Int64GetDatum(sum.message_id));
	values.set_identifier(1, sum.progress.told.wamid);
	values.set(2, BoolGetDatum(sum.progress.delivered_at != 0));
	if (run_statement(dequeue, values).count() > 0) {
		sum.queue_row = QueueRowState::removed;
		if (is_ready)
			add_earlier_statuses(sum);
		return;
	}
	if (!run_statement(left, values).empty())
		raise_left_out("whatsapp_queue");
	sum.queue_row = QueueRowState::kept;
	sum.attempts = 0;
}

/* A message that was still in the queue mostly has no wamid yet: the webhook has come before the
 * answer. */
void
remember_wamid(const StatusSum &sum)
{
	static Statement statement = {"INSERT INTO @s@.whatsapp_wamids (hash, message_id, generation)"
	                              " SELECT hashtextextended($2, 0), $1, " NEWEST_GENERATION
	                              " WHERE NOT " WAMID_IS_REMEMBERED("$2", "$1"),
	                              2,
	                              {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(sum.message_id));
	values.set_identifier(1, sum.progress.told.wamid);
	run_statement(statement, values);
}

} // namespace

StatusSum *
find_sum(StatusSum *sums, std::size_t count, std::int64_t message_id)
{
	StatusSum *found =
	    std::lower_bound(sums, sums + count, message_id,
	                     [](const StatusSum &sum, std::int64_t id) { return sum.message_id < id; });
	return found == sums + count || found->message_id != message_id ? nullptr : found;
}

/* Nearly always there is nothing in the queue: it was settled by the answer, long before. */
void
dequeue_messages(StatusSum *sums, std::size_t count)
{
	static Statement statement = {
	    "SELECT message_id, attempts, state = 'ready' FROM @s@.whatsapp_queue"
	    " WHERE message_id = ANY ($1) ORDER BY message_id FOR UPDATE",
	    1,
	    {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		ids.add(Int64GetDatum(sums[i].message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		StatusSum *sum = find_sum(sums, count, rows.int64_at(i, 1));
		if (sum == nullptr)
			continue;
		sum->attempts = rows.int32_at(i, 2);
		dequeue_message(*sum, rows.bool_at(i, 3));
		remember_wamid(*sum);
	}
}

} // namespace whatsapp::pg
