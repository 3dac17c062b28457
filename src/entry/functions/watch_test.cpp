/*
 * watch_test.cpp — wa_watch_test(): a row of a watched table goes the way of a trigger's rows, as
 * far as the message that would be enqueued.
 */
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/transaction.hpp"
#include "pg/watches/announce.hpp"
#include "pg/watches/announced_rows.hpp"
#include "pg/watches/row_key.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_watch_test);
}

using namespace whatsapp;

namespace
{

/* The columns of the function's result. */
enum : int {
	out_watch,
	out_event,
	out_outcome,
	out_phone,
	out_template,
	out_language,
	out_sender,
	out_reference,
	out_key,
	out_send_at,
	out_expires_at,
	out_priority,
	out_payload,
	out_reason,
	out_hint,
	out_columns
};

struct AnnouncementLook : pg::AnnouncementTaker {
	ReturnSetInfo *result;
	pg::WatchEvent event;
	int taken;
};

using OutRow = entry::ResultRow<out_columns>;

void
put_row(const AnnouncementLook &look, OutRow &row, const pg::WatchDefinition &watch)
{
	row.set_text(out_watch, watch.name);
	row.set_text(out_event, pg::watch_event_name(look.event));
	row.put_row(look.result);
}

const char *
outcome_of(const pg::WatchDefinition &watch, const pg::Announcement &announcement)
{
	if (announcement.refused != nullptr)
		return "refused";
	return pg::was_announced(watch, announcement) ? "known already" : "sent";
}

void
take_announcement(pg::AnnouncementTaker &self, const pg::WatchDefinition &watch,
                  const pg::Announcement &announcement)
{
	auto &look = static_cast<AnnouncementLook &>(self);
	const pg::NewMessage &message = announcement.message;
	OutRow row;
	row.set_text(out_outcome, outcome_of(watch, announcement));
	row.set_text(out_phone, message.recipient_phone);
	row.set_text(out_template, message.template_name);
	row.set_text(out_language, message.template_language);
	row.set_text(out_sender, message.sender);
	row.set_text(out_reference, message.reference);
	row.set_text(out_key, message.idempotency_key);
	if (message.has_send_at)
		row.set_value(out_send_at, TimestampTzGetDatum(message.send_at));
	if (message.has_expires_at)
		row.set_value(out_expires_at, TimestampTzGetDatum(message.expires_at));
	row.set_value(out_priority, Int16GetDatum(static_cast<int16>(message.priority)));
	row.set_text(out_payload, message.payload);
	if (const pg::Failure *why = announcement.refused) {
		row.set_text(out_reason, why->detail[0] == '\0'
		                             ? why->message
		                             : psprintf("%s: %s", why->message, why->detail));
		if (why->hint[0] != '\0')
			row.set_text(out_hint, why->hint);
	}
	put_row(look, row, watch);
	look.taken++;
}

TupleTableSlot *
slot_of(Relation table, HeapTuple tuple)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, false);
	return slot;
}

HeapTuple
tuple_of(Datum row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple = {};
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	return heap_copytuple(&tuple);
}

struct RowPair {
	TupleTableSlot *now;
	TupleTableSlot *before;
};

/* With the caller's rights. Without old, the row before has no values at all, so that whatever is
 * compared with it has changed. */
RowPair
find_row(Relation table, const char *key, Datum old, bool has_old)
{
	const char *command = psprintf(
	    "SELECT whatsapp_row.*::%1$s, pg_catalog.jsonb_populate_record(whatsapp_row.*::%1$s, $2) FROM %1$s AS whatsapp_row WHERE %2$s",
	    pg::quoted_relation(RelationGetRelid(table)),
	    pg::row_key_condition(table, "wa_watch_test()"));
	pg::Statement statement = {command, 2, {TEXTARRAYOID, JSONBOID}};
	pg::Values values;
	values.set(0, pg::row_key_fields(table, key));
	if (has_old)
		values.set(1, old);
	const pg::Result found = pg::run_statement(statement, values);
	SPI_freeplan(statement.plan);
	if (found.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_NO_DATA_FOUND), errmsg("table \"%s\" has no row with key %s",
		                                                RelationGetRelationName(table), key)));
	const Oid type = get_rel_type_id(RelationGetRelid(table));
	RowPair rows;
	rows.now = slot_of(table, tuple_of(found.datum_at(0, 1, type)));
	if (has_old) {
		rows.before = slot_of(table, tuple_of(found.datum_at(0, 2, type)));
		return rows;
	}
	const int count = RelationGetDescr(table)->natts;
	auto *none = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(count + 1)));
	auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * static_cast<Size>(count + 1)));
	memset(nulls, true, sizeof(bool) * static_cast<Size>(count + 1));
	rows.before = slot_of(table, heap_form_tuple(RelationGetDescr(table), none, nulls));
	return rows;
}

bool
choose_event(const pg::WatchDefinition &watch, const char *name, pg::WatchEvent &event)
{
	for (const pg::WatchEvent one : pg::all_watch_events)
		if (watch.on[static_cast<int>(one)] &&
		    (name == nullptr || pg_strcasecmp(name, pg::watch_event_name(one)) == 0)) {
			event = one;
			return true;
		}
	return false;
}

void
look_at(const pg::WatchDefinition &watch, Relation table, const RowPair &rows,
        AnnouncementLook &look)
{
	const bool deleted = look.event == pg::WatchEvent::deleted;
	const pg::WatchRows one = pg::rows_of_row(look.event, table, deleted ? rows.now : rows.before,
	                                          deleted ? nullptr : rows.now);
	look.taken = 0;
	pg::Problem problem;
	const bool done = pg::try_body_apart(problem, 0, [&] { pg::preview_rows(watch, one, look); });
	if (done && look.taken > 0)
		return;
	OutRow row;
	row.set_text(out_outcome, done ? "not announced" : "error");
	row.set_text(out_reason, done ? "The condition is not true."
	                              : psprintf("%s %s", problem.sqlstate, problem.message));
	put_row(look, row, watch);
}

void
check_member(const pg::WatchDefinition &watch, Oid caller)
{
	const Oid owner = pg::owner_of_watch(watch);
	if (OidIsValid(owner) && !has_privs_of_role(caller, owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("permission denied for watch \"%s\"", watch.name),
		                errdetail("Its expressions work with the rights of role \"%s\".",
		                          pg::owner_name(watch))));
}

} // namespace

Datum
pg_whatsapp_watch_test(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "relation");
	const Oid relation = PG_GETARG_OID(0);
	const char *key = entry::required_cstring(fcinfo, 1, "key");
	const char *event_name = entry::optional_text(fcinfo, 2, nullptr);
	const bool has_old = !PG_ARGISNULL(3);
	const Datum old = has_old ? PG_GETARG_DATUM(3) : Datum(0);
	const Oid function = fcinfo->flinfo->fn_oid;
	const Oid caller = GetUserId();
	InitMaterializedSRF(fcinfo, 0);
	AnnouncementLook look = {};
	look.take = take_announcement;
	look.result = entry::result_set(fcinfo);

	(void)pg::quoted_relation(relation);
	SPI_connect();
	pg::use_schema_of_function(function);
	Relation table = table_open(relation, AccessShareLock);
	const RowPair rows = find_row(table, key, old, has_old);
	const Oid notify = pg::notify_function(function);
	pg::as_user(pg::owner_of_function(function), [&] {
		const pg::WatchList watches = pg::watches_of_table(relation, notify);
		for (int i = 0; i < watches.count; i++) {
			const pg::WatchDefinition *watch = pg::find_watch(watches.keys[i], relation, notify);
			if (watch == nullptr || !choose_event(*watch, event_name, look.event))
				continue;
			check_member(*watch, caller);
			look_at(*watch, table, rows, look);
		}
	});
	ExecDropSingleTupleTableSlot(rows.now);
	ExecDropSingleTupleTableSlot(rows.before);
	table_close(table, NoLock);
	SPI_finish();
	return Datum(0);
}
