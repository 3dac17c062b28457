/*
 * event_rows.cpp — straight into the table, as long as it is as it was made; else by a statement.
 *
 * Who else stores the same at the same time is met at the unique index: the second waits for the
 * first, and then fails. Its batch comes once more, sees what is there, and leaves it out
 * (failure_repeats() in transaction.hpp). In order of key, so that two do not wait for each other.
 */
#include "pg/webhooks/event_rows.hpp"

#include <algorithm>

#include "pg/server/columns.hpp"
#include "pg/rows/key_lookup.hpp"
#include "pg/rows/row_insert.hpp"
#include "pg/server/schema.hpp"
#include "pg/queue/wamids.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

namespace whatsapp::pg
{

namespace
{

static_assert(sizeof(Event::key) == UUID_LEN, "keys are stored as uuid");

const char *const event_columns[] = {
    "id",     "received_at", "kind",       "field",      "account_id", "phone_number_id", "wamid",
    "status", "occurred_at", "message_id", "dedupe_key", "raw",        "contact"};
RowShape event_row = {OwnTable("whatsapp_events"), 1, lengthof(event_columns), event_columns};

bool
is_status(const Event &event)
{
	return strcmp(event.kind, "status") == 0;
}

Datum
key_datum(const Event &event)
{
	return PointerGetDatum(event.key);
}

/* A status is about a message of ours by our own id first, which is there before any answer; then
 * by wamid. Never by phone. */
Statement insert = {
    "INSERT INTO @s@.whatsapp_events (kind, field, account_id, phone_number_id, wamid, status, occurred_at, message_id,"
    "  dedupe_key, raw, contact)"
    "  SELECT kind, field, account_id, phone_number_id, wamid, status, occurred_at, CASE WHEN kind = 'status' THEN coalesce("
    "     (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = item.our_id"
    "       AND item.nonce IN (SELECT n.nonce FROM @s@.whatsapp_instances AS n)), " MESSAGE_OF_WAMID(
        "item.wamid",
        "0") ") END,"
             "   dedupe_key, raw::json, contact::json FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
             "  AS item (kind, field, account_id, phone_number_id, wamid, status, occurred_at, nonce, our_id, dedupe_key, raw, contact)"
             " ORDER BY dedupe_key ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key, id, message_id",
    12,
    {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
     TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT8ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID}};

Result
run_insert(const Event *const *events, std::size_t count)
{
	static constexpr Oid elements[12] = {TEXTOID, TEXTOID, TEXTOID,        TEXTOID,
	                                     TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID,
	                                     INT8OID, UUIDOID, TEXTOID,        TEXTOID};
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
		columns[9].add(key_datum(event));
		columns[10].add_text(event.raw);
		columns[11].add_text(event.contact);
	}
	Values values;
	for (int i = 0; i < 12; i++)
		values.set(i, columns[i].array(elements[i]));
	return run_statement(insert, values);
}

std::size_t
insert_by_statement(const Event *const *events, std::size_t count, StoredEvent *stored)
{
	const Result rows = run_insert(events, count);
	for (uint64 i = 0; i < rows.count(); i++) {
		Event wanted = {};
		memcpy(wanted.key, DatumGetUUIDP(rows.datum_at(i, 1, UUIDOID))->data, sizeof wanted.key);
		const Event *event = *std::lower_bound(events, events + count, &wanted, key_before);
		stored[i] = {event, rows.int64_at(i, 2), rows.int64_at(i, 3)};
	}
	return rows.count();
}

/* Of those that are not found by our own id. */
void
find_by_wamid(StoredEvent *stored, std::size_t count)
{
	static Statement statement = {
	    "SELECT u.place, " MESSAGE_OF_WAMID(
	        "u.wamid", "0") " FROM unnest($1) WITH ORDINALITY AS u (wamid, place)",
	    1,
	    {TEXTARRAYOID}};
	auto **places = static_cast<StoredEvent **>(palloc(sizeof(StoredEvent *) * (count + 1)));
	Column wamids(count);
	for (std::size_t i = 0; i < count; i++)
		if (stored[i].message_id == 0 && is_status(*stored[i].event)) {
			places[wamids.count()] = &stored[i];
			wamids.add_identifier(stored[i].event->wamid);
		}
	if (wamids.count() == 0)
		return;
	Values values;
	values.set(0, wamids.array(TEXTOID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++)
		places[rows.int64_at(i, 1) - 1]->message_id = rows.int64_at(i, 2);
}

void
find_messages(KeyLookup &messages, StoredEvent *stored, std::size_t count)
{
	static Statement statement = {"SELECT nonce FROM @s@.whatsapp_instances", 0, {}};
	const Result rows = run_statement(statement, Values());
	const uint64 nonces = rows.count();
	auto **nonce = static_cast<char **>(palloc(sizeof(char *) * (nonces + 1)));
	for (uint64 i = 0; i < nonces; i++)
		nonce[i] = rows.text_at(i, 1);
	for (std::size_t i = 0; i < count; i++) {
		const Event &event = *stored[i].event;
		if (event.nonce != nullptr && is_status(event) &&
		    std::any_of(nonce, nonce + nonces,
		                [&](const char *own) { return strcmp(own, event.nonce) == 0; }) &&
		    look_up(messages, Int64GetDatum(event.message_id)))
			stored[i].message_id = event.message_id;
	}
}

/* The tables that are read or written, and how; all of them, or none. */
struct Tables {
	Relation events;
	Relation messages;
	KeyLookup keys;
	KeyLookup ids;
	Oid sequence;
};

bool
open_tables(Tables &tables)
{
	tables.sequence = get_relname_relid("whatsapp_events_id_seq", schema_oid());
	const Oid messages = get_relname_relid("whatsapp_messages", schema_oid());
	if (!OidIsValid(tables.sequence) || !OidIsValid(messages))
		return false;
	tables.events = open_plain(event_row);
	if (tables.events == nullptr)
		return false;
	if (begin_lookup(tables.keys, tables.events, "dedupe_key", F_UUID_EQ)) {
		tables.messages = table_open(messages, AccessShareLock);
		if (begin_lookup(tables.ids, tables.messages, "id", F_INT8EQ))
			return true;
		table_close(tables.messages, AccessShareLock);
		end_lookup(tables.keys);
	}
	table_close(tables.events, NoLock);
	return false;
}

void
close_tables(Tables &tables)
{
	end_lookup(tables.ids);
	table_close(tables.messages, AccessShareLock);
	end_lookup(tables.keys);
	table_close(tables.events, NoLock);
}

Row
row_of(StoredEvent &stored, Oid sequence, Datum now)
{
	const Event &event = *stored.event;
	auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * lengthof(event_columns)));
	auto *nulls = static_cast<bool *>(palloc0(sizeof(bool) * lengthof(event_columns)));
	const auto set_text = [&](int column, const char *text) {
		nulls[column] = text == nullptr || *text == '\0';
		if (!nulls[column])
			values[column] = CStringGetTextDatum(text);
	};
	stored.id = nextval_internal(sequence, false);
	values[0] = Int64GetDatum(stored.id);
	values[1] = now;
	set_text(2, event.kind);
	set_text(3, event.field);
	set_text(4, event.account_id);
	set_text(5, event.phone_number_id);
	nulls[6] = event.wamid == nullptr || *event.wamid == '\0';
	if (!nulls[6])
		values[6] = PointerGetDatum(indexable(event.wamid));
	set_text(7, event.status);
	nulls[8] = !server_time(event.timestamp, values[8]);
	nulls[9] = stored.message_id == 0;
	values[9] = Int64GetDatum(stored.message_id);
	values[10] = key_datum(event);
	/* json is kept as its text, and this one has been read */
	set_text(11, event.raw);
	set_text(12, event.contact);
	return {values, nulls};
}

} // namespace

bool
key_before(const Event *left, const Event *right)
{
	return memcmp(left->key, right->key, sizeof left->key) < 0;
}

std::size_t
insert_events(const Event *const *events, std::size_t count, StoredEvent *stored)
{
	Tables tables;
	if (!open_tables(tables))
		return insert_by_statement(events, count, stored);
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (!look_up(tables.keys, key_datum(*events[i])))
			stored[size++] = {events[i], 0, 0};
	if (size > 0) {
		find_messages(tables.ids, stored, size);
		find_by_wamid(stored, size);
		auto *rows = static_cast<Row *>(palloc(sizeof(Row) * size));
		const Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
		for (std::size_t i = 0; i < size; i++)
			rows[i] = row_of(stored[i], tables.sequence, now);
		insert_rows(tables.events, event_row, rows, static_cast<int>(size));
		CommandCounterIncrement();
	}
	close_tables(tables);
	return size;
}

} // namespace whatsapp::pg
