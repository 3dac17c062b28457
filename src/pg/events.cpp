/*
 * events.cpp — one INSERT for all that has arrived together; parked statuses are matched later.
 */
#include "pg/events.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/fault_point.hpp"
#include "pg/intake.hpp"
#include "pg/reading.hpp"

#include "pg/columns.hpp"
#include "pg/statuses.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

bool
is_status(const Event &event)
{
	return strcmp(event.kind, "status") == 0;
}

std::int64_t
now_in_seconds()
{
	return timestamptz_to_time_t(GetCurrentTransactionStartTimestamp());
}

/* A status is about a message of ours by our own id first, which is there before any answer; then
 * by wamid. Never by phone. In order of key, so that two who store the same do not deadlock. */
Statement insert = {
    "INSERT INTO @s@.whatsapp_events (kind, field, account_id, phone_number_id, wamid, status, occurred_at, message_id,"
    "  dedupe_key, raw, contact)"
    "  SELECT kind, field, account_id, phone_number_id, wamid, status, occurred_at, CASE WHEN kind = 'status' THEN coalesce("
    "     (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = item.our_id"
    "       AND item.nonce IN (SELECT n.nonce FROM @s@.whatsapp_instances AS n)),"
    "     (SELECT min(w.message_id) FROM @s@.whatsapp_wamids AS w WHERE w.hash = hashtextextended(item.wamid, 0)"
    "       AND (SELECT m.wamid FROM @s@.whatsapp_messages AS m WHERE m.id = w.message_id) = item.wamid)) END,"
    "   dedupe_key, raw::jsonb, contact::jsonb FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    "  AS item (kind, field, account_id, phone_number_id, wamid, status, occurred_at, nonce, our_id, dedupe_key, raw, contact)"
    " ORDER BY dedupe_key COLLATE \"C\" ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key, id, message_id",
    12,
    {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
     TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}};

uint64
insert_all(const Event *const *events, std::size_t count)
{
	static constexpr Oid elements[12] = {TEXTOID, TEXTOID, TEXTOID,        TEXTOID,
	                                     TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID,
	                                     INT8OID, TEXTOID, TEXTOID,        TEXTOID};
	const std::size_t n = count;
	Column columns[12] = {Column(n), Column(n), Column(n), Column(n), Column(n), Column(n),
	                      Column(n), Column(n), Column(n), Column(n), Column(n), Column(n)};
	for (std::size_t i = 0; i < count; i++) {
		const Event &event = *events[i];
		columns[0].add_text(event.kind);
		columns[1].add_text(event.field);
		columns[2].add_text(event.account_id);
		columns[3].add_text(event.phone_number_id);
		columns[4].add_identifier(event.wamid);
		columns[5].add_text(event.status);
		columns[6].add_time(event.timestamp);
		columns[7].add_text(event.nonce);
		if (event.nonce != nullptr)
			columns[8].add(Int64GetDatum(event.message_id));
		else
			columns[8].add_null();
		columns[9].add_text(event.dedupe_key);
		columns[10].add_text(event.raw);
		columns[11].add_text(event.contact);
	}
	Values values;
	for (int i = 0; i < 12; i++)
		values.set(i, columns[i].array(elements[i]));
	return run(insert, values);
}

bool
key_before(const Event *left, const Event *right)
{
	return strcmp(left->dedupe_key, right->dedupe_key) < 0;
}

/* Sorts events. */
void
store_all(const Event **events, std::size_t count)
{
	if (count == 0)
		return;
	/* not by a join in SQL: its planner takes every array for ten elements */
	std::sort(events, events + count, key_before);
	const uint64 rows = insert_all(events, count);
	auto *statuses = static_cast<StatusOf *>(palloc(sizeof(StatusOf) * (rows + 1)));
	Column for_reader(rows);
	std::size_t status_count = 0;
	const std::int64_t now = now_in_seconds();
	for (uint64 i = 0; i < rows; i++) {
		Event key = {};
		key.dedupe_key = text_column(i, 1);
		const Event &event = **std::lower_bound(events, events + count, &key, key_before);
		const std::int64_t message_id = int64_column(i, 3);
		if (is_status(event) && message_id != 0)
			statuses[status_count++] = {&event, message_id, now};
		if (reader_wants(event))
			for_reader.add(Int64GetDatum(int64_column(i, 2)));
	}
	fault_point(FaultPoint::event_inserted);
	apply_statuses(statuses, status_count);
	leave_to_reader(for_reader);
}

} // namespace

void
store_events(const Batch *batches, std::size_t count)
{
	std::size_t total = 0;
	for (std::size_t i = 0; i < count; i++)
		total += batches[i].count;
	auto **events = static_cast<const Event **>(palloc(sizeof(Event *) * (total + 1)));
	std::size_t place = 0;
	for (std::size_t i = 0; i < count; i++)
		for (std::size_t k = 0; k < batches[i].count; k++)
			events[place++] = batches[i].events + k;
	store_all(events, total);
}

void
store_events(const Event *events, std::size_t count)
{
	const Batch batch = {events, count};
	store_events(&batch, 1);
}

void
quarantine(const char *bytes, std::size_t size)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_events (kind, dedupe_key, body)"
	    " VALUES ('malformed', 'q:' || encode(sha256($1), 'hex'), $1) ON CONFLICT (dedupe_key) DO NOTHING",
	    1,
	    {BYTEAOID}};
	auto *body = static_cast<bytea *>(palloc(size + VARHDRSZ));
	SET_VARSIZE(body, size + VARHDRSZ);
	memcpy(VARDATA(body), bytes, size);
	Values values;
	values.set(0, PointerGetDatum(body));
	run(statement, values);
}

void
match_parked(int seconds)
{
	static Statement link = {
	    "UPDATE @s@.whatsapp_events AS e SET message_id = p.message_id FROM ("
	    "  SELECT w.id, m.id AS message_id FROM @s@.whatsapp_events AS w"
	    "   JOIN @s@.whatsapp_wamids AS h ON h.hash = hashtextextended(w.wamid, 0)"
	    "   JOIN @s@.whatsapp_messages AS m ON m.id = h.message_id AND m.wamid = w.wamid"
	    "   WHERE w.kind = 'status' AND w.message_id IS NULL AND w.received_at > now() - make_interval(secs => $1)"
	    "   ORDER BY m.id LIMIT 1000) AS p"
	    " WHERE e.id = p.id AND e.message_id IS NULL"
	    " RETURNING e.message_id, e.raw::text, extract(epoch FROM e.received_at)::bigint",
	    1,
	    {FLOAT8OID}};
	Values values;
	values.set(0, Float8GetDatum(seconds));
	const uint64 rows = run(link, values);
	if (rows == 0)
		return;
	auto *events = static_cast<Event *>(palloc(sizeof(Event) * rows));
	auto *statuses = static_cast<StatusOf *>(palloc(sizeof(StatusOf) * rows));
	std::size_t count = 0;
	for (uint64 i = 0; i < rows; i++)
		if (read_status(text_column(i, 2), events[count])) {
			statuses[count] = {&events[count], int64_column(i, 1), int64_column(i, 3)};
			count++;
		}
	apply_statuses(statuses, count);
}

} // namespace whatsapp::pg
