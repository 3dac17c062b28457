/*
 * notify.cpp — the trigger of a watch with expressions.
 */
#include "pg/server/replication.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/transaction.hpp"
#include "pg/watches/announce.hpp"
#include "pg/watches/reminders.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_notify);
}

using namespace whatsapp;

namespace
{

pg::WatchEvent
event_of(const TriggerData &call)
{
	if (TRIGGER_FIRED_BY_INSERT(call.tg_event))
		return pg::WatchEvent::inserted;
	if (TRIGGER_FIRED_BY_TRUNCATE(call.tg_event))
		return pg::WatchEvent::truncated;
	return TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? pg::WatchEvent::updated
	                                              : pg::WatchEvent::deleted;
}

/* Raises unless the trigger is one as wa_watch() makes it. */
void
check_trigger(const TriggerData &call)
{
	const bool has_new = TRIGGER_FIRED_BY_DELETE(call.tg_event) || call.tg_newtable != nullptr;
	const bool has_old = TRIGGER_FIRED_BY_INSERT(call.tg_event) || call.tg_oldtable != nullptr;
	const bool complete = TRIGGER_FIRED_FOR_ROW(call.tg_event) ||
	                      TRIGGER_FIRED_BY_TRUNCATE(call.tg_event) || (has_new && has_old);
	if (complete && TRIGGER_FIRED_AFTER(call.tg_event) && call.tg_trigger->tgnargs == 1)
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("trigger \"%s\" was not made by wa_watch()", call.tg_trigger->tgname),
	                errhint("Drop it and use wa_watch().")));
}

/* NULL, and a warning, when the trigger has no watch: it was made by hand, or its definition was
 * not restored. */
const pg::WatchDefinition *
watch_of(const TriggerData &call, Oid function)
{
	const char *key = call.tg_trigger->tgargs[0];
	const Oid relation = RelationGetRelid(call.tg_relation);
	const pg::WatchDefinition *watch = pg::known_watch(key, relation);
	if (watch != nullptr)
		return watch;
	pg::Problem problem = {};
	(void)pg::try_body_apart(problem, 0, [&] {
		SPI_connect();
		watch = pg::find_watch(key, relation, function);
		SPI_finish();
	});
	if (watch == nullptr)
		ereport(WARNING,
		        (errcode(ERRCODE_UNDEFINED_OBJECT),
		         errmsg("WhatsApp trigger \"%s\" announced nothing", call.tg_trigger->tgname),
		         errdetail("whatsapp_watch_definitions has no watch of it for this table."),
		         errhint("Call wa_unwatch(), and wa_watch() again.")));
	return watch;
}

/* All rows of the table are gone; but where somebody has put the trigger on a partition, only the
 * partition's. */
void
take_truncate(const pg::WatchDefinition &watch, Oid relation)
{
	if (watch.due != nullptr && (watch.relation == relation || !get_rel_relispartition(relation)))
		pg::cancel_reminders(watch);
}

pg::WatchRows
rows_of(const TriggerData &call)
{
	const pg::WatchEvent event = event_of(call);
	if (!TRIGGER_FIRED_FOR_ROW(call.tg_event))
		return pg::rows_of_statement(event, call.tg_relation, call.tg_oldtable, call.tg_newtable);
	TupleTableSlot *new_row = event == pg::WatchEvent::updated ? call.tg_newslot : call.tg_trigslot;
	return pg::rows_of_row(event, call.tg_relation, call.tg_trigslot, new_row);
}

std::int64_t
count_rows(const TriggerData &call)
{
	if (TRIGGER_FIRED_FOR_ROW(call.tg_event))
		return 1;
	return tuplestore_tuple_count(TRIGGER_FIRED_BY_INSERT(call.tg_event) ? call.tg_newtable
	                                                                     : call.tg_oldtable);
}

} // namespace

Datum
pg_whatsapp_notify(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("whatsapp_notify() must be called as a trigger"),
		                errhint("Use wa_watch().")));
	const auto *call = reinterpret_cast<const TriggerData *>(fcinfo->context);
	check_trigger(*call);
	const bool truncates = TRIGGER_FIRED_BY_TRUNCATE(call->tg_event);
	/* what a subscription copies has been announced where it came from */
	if (pg::copies_old_rows() || (!truncates && count_rows(*call) == 0))
		return PointerGetDatum(nullptr);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const pg::WatchDefinition *watch = watch_of(*call, fcinfo->flinfo->fn_oid);
	if (watch == nullptr)
		return PointerGetDatum(nullptr);
	if (truncates) {
		take_truncate(*watch, RelationGetRelid(call->tg_relation));
		return PointerGetDatum(nullptr);
	}
	pg::Problem why;
	if (pg::rows_are_unreadable(event_of(*call), call->tg_relation, call->tg_oldtable,
	                            call->tg_newtable, why)) {
		pg::announce_nothing(*watch, event_of(*call), why, count_rows(*call));
		return PointerGetDatum(nullptr);
	}
	const pg::WatchRows rows = rows_of(*call);
	pg::announce_rows(*watch, rows);
	if (rows.store != call->tg_newtable && rows.store != call->tg_oldtable)
		tuplestore_end(rows.store);
	return PointerGetDatum(nullptr);
}
