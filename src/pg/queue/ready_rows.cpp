/*
 * ready_rows.cpp — reading ahead along the queue's index, as a plan would in the end.
 *
 * The row comparison is the cursor: the index is entered behind all that was read before, and so
 * also behind the dead entries of messages that were sent.
 */
#include "pg/queue/queue.hpp"

#include <cstdint>

#include "pg/queue/campaign_pauses.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/compat.hpp"
#include "pg/rows/table_shape.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int key_columns = 4;
/* so many rows of paused campaigns are passed over in one reading: a paused campaign of a hundred
 * thousand messages must not keep the others waiting */
constexpr int most_passed = 500;

/* sender = and priority = and (due_at, message_id) > and due_at <= now. The scan keeps a pointer to
 * members. */
void
enter_index(IndexScanDesc scan, ScanKeyData *members, const ReadFrom &from, TimestampTz now)
{
	ScanKeyEntryInitialize(&members[0], SK_ROW_MEMBER, 3, BTGreaterStrategyNumber, InvalidOid,
	                       InvalidOid, F_TIMESTAMPTZ_CMP, TimestampTzGetDatum(from.after_due));
	ScanKeyEntryInitialize(&members[1], SK_ROW_MEMBER | SK_ROW_END, 4, BTGreaterStrategyNumber,
	                       InvalidOid, InvalidOid, F_BTINT8CMP, Int64GetDatum(from.after_id));
	ScanKeyData keys[4];
	ScanKeyEntryInitialize(&keys[0], 0, 1, BTEqualStrategyNumber, InvalidOid,
	                       scan->indexRelation->rd_indcollation[0], F_TEXTEQ,
	                       CStringGetTextDatum(from.sender));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT2EQ,
	            Int16GetDatum(static_cast<int16>(from.priority)));
	keys[2] = ScanKeyData();
	keys[2].sk_flags = SK_ROW_HEADER;
	keys[2].sk_attno = 3;
	keys[2].sk_strategy = BTGreaterStrategyNumber;
	keys[2].sk_argument = PointerGetDatum(members);
	ScanKeyInit(&keys[3], 3, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE, TimestampTzGetDatum(now));
	index_rescan(scan, keys, lengthof(keys), nullptr, 0);
}

struct FoundRows {
	ReadyRows ready;
	std::size_t room;
};

void
add_row(FoundRows &found, int from, TupleTableSlot *slot)
{
	const AttrNumber *numbers = queue_shape.numbers;
	bool null;
	if (!is_word(slot_getattr(slot, numbers[queue_column::state], &null), "ready"))
		return;
	if (found.ready.count == found.room) {
		found.room *= 2;
		found.ready.rows =
		    static_cast<Ready *>(repalloc(found.ready.rows, sizeof(Ready) * found.room));
	}
	Ready &row = found.ready.rows[found.ready.count++];
	row.from = from;
	row.id = DatumGetInt64(slot_getattr(slot, numbers[queue_column::message_id], &null));
	row.row = address_of(slot->tts_tid);
	row.due = DatumGetTimestampTz(slot_getattr(slot, numbers[queue_column::due_at], &null));
	row.recipient =
	    TextDatumGetCString(slot_getattr(slot, numbers[queue_column::recipient], &null));
	row.paced = DatumGetBool(slot_getattr(slot, numbers[queue_column::paced], &null));
}

bool
is_of_paused_campaign(TupleTableSlot *slot)
{
	bool null;
	const Datum id = slot_getattr(slot, queue_shape.numbers[queue_column::campaign_id], &null);
	return !null && is_campaign_paused(DatumGetInt64(id));
}

/* One sender and priority, from where it was left. */
PassedOver
read_lane(FoundRows &found, int from, int limit, IndexScanDesc scan, TupleTableSlot *slot)
{
	const AttrNumber *numbers = queue_shape.numbers;
	const std::size_t most = found.ready.count + static_cast<std::size_t>(limit);
	PassedOver passed = {};
	int count = 0;
	bool more = true;
	while (found.ready.count < most && count < most_passed &&
	       (more = index_getnext_slot(scan, ForwardScanDirection, slot))) {
		passed.any = is_of_paused_campaign(slot);
		if (!passed.any) {
			add_row(found, from, slot);
			continue;
		}
		bool null;
		count++;
		passed.due = DatumGetTimestampTz(slot_getattr(slot, numbers[queue_column::due_at], &null));
		passed.id = DatumGetInt64(slot_getattr(slot, numbers[queue_column::message_id], &null));
	}
	passed.more = more;
	return passed;
}

ReadyRows
read_along(Relation table, const ReadFrom *from, std::size_t count)
{
	FoundRows found = {{nullptr, 0, nullptr}, 64};
	found.ready.rows = static_cast<Ready *>(palloc(sizeof(Ready) * found.room));
	found.ready.passed = static_cast<PassedOver *>(palloc(sizeof(PassedOver) * count));
	/* a snapshot as a statement has it: it sees what has been committed by now */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	Relation index = index_open(queue_shape.index, AccessShareLock);
	IndexScanDesc scan = begin_index_scan(table, index, GetActiveSnapshot(), key_columns);
	TupleTableSlot *slot = table_slot_create(table, nullptr);
	ScanKeyData members[2];
	for (std::size_t i = 0; i < count; i++) {
		enter_index(scan, members, from[i], GetCurrentTransactionStartTimestamp());
		found.ready.passed[i] = read_lane(found, static_cast<int>(i), from[i].limit, scan, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	index_endscan(scan);
	index_close(index, NoLock);
	PopActiveSnapshot();
	return found.ready;
}

/* The same with a plan, for a queue that was altered. */
ReadyRows
read_by_statement(const ReadFrom *from, std::size_t count)
{
	static Statement statement = {
	    "SELECT f.place::int, q.message_id, q.due_at, q.recipient, q.paced, q.ctid"
	    " FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS f (sender, priority, after_due, after_id, most, place)"
	    " CROSS JOIN LATERAL ("
	    "  SELECT r.message_id, r.due_at, r.recipient, r.paced, r.ctid FROM @s@.whatsapp_queue AS r"
	    "  WHERE r.sender = f.sender AND r.priority = f.priority AND r.state = 'ready'"
	    "   AND (r.due_at, r.message_id) > (f.after_due, f.after_id) AND r.due_at <= now()"
	    "   AND (r.campaign_id IS NULL OR r.campaign_id <> ALL ($6))"
	    "  ORDER BY r.due_at, r.message_id LIMIT f.most) AS q",
	    6,
	    {TEXTARRAYOID, INT2ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID,
	     INT8ARRAYOID}};
	Column senders(count);
	Column priorities(count);
	Column dues(count);
	Column ids(count);
	Column limits(count);
	for (std::size_t i = 0; i < count; i++) {
		senders.add(CStringGetTextDatum(from[i].sender));
		priorities.add(Int16GetDatum(static_cast<int16>(from[i].priority)));
		dues.add(TimestampTzGetDatum(from[i].after_due));
		ids.add(Int64GetDatum(from[i].after_id));
		limits.add(Int32GetDatum(from[i].limit));
	}
	Values values;
	values.set(0, senders.array(TEXTOID));
	values.set(1, priorities.array(INT2OID));
	values.set(2, dues.array(TIMESTAMPTZOID));
	values.set(3, ids.array(INT8OID));
	values.set(4, limits.array(INT4OID));
	values.set(5, paused_campaigns());

	const Result rows = run_statement(statement, values);
	ReadyRows found = {nullptr, rows.count(), nullptr};
	found.rows = static_cast<Ready *>(palloc(sizeof(Ready) * (found.count + 1)));
	for (std::size_t i = 0; i < found.count; i++) {
		found.rows[i] = {rows.int32_at(i, 1) - 1, rows.int64_at(i, 2), address_at(rows, i, 6),
		                 rows.int64_at(i, 3),     rows.text_at(i, 4),  rows.bool_at(i, 5)};
	}
	return found;
}

} // namespace

ReadyRows
read_ready(const ReadFrom *from, std::size_t count)
{
	const Oid oid = find_own_table(queue_shape.table);
	if (!OidIsValid(oid))
		return read_by_statement(from, count);
	Relation table = table_open(oid, AccessShareLock);
	const ReadyRows found = is_as_made(table, queue_shape, reads) ? read_along(table, from, count)
	                                                              : read_by_statement(from, count);
	table_close(table, NoLock);
	return found;
}

} // namespace whatsapp::pg
