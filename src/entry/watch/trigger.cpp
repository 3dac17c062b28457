/*
 * trigger.cpp — a new purchase order becomes a message, in the same transaction.
 *
 * Whatever is wrong with the row's data makes a FAILED message with the reason: the business
 * transaction is not stopped by a supplier's phone number. Called once a statement with all its new
 * rows, or, on what is or may get partitions, once a row: see wa_watch().
 */
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/send_window.hpp"
#include "pg/server/replication.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/transaction.hpp"

#include "core/message/limits.hpp"

#include "entry/watch/purchase_order.hpp"
#include "entry/watch/watch.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_notify_po);
}

namespace whatsapp::entry
{

namespace
{

/* A column that the watch names, found once a call. */
struct Source {
	int number; /* 0: the table has no such column, or the watch names none */
	Oid type;   /* without its domains */
	FmgrInfo output;
};

struct Watch {
	Source columns[watch_language];
	/* the first column that the watch names and the table has no more */
	const char *missing;
	const char *language;
	const char *sender;
	/* whom the rows so far were for: NULL, or known to exist or not */
	const char *known_sender;
	bool sender_exists;
};

bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
}

const char *
or_null(const char *argument)
{
	return argument[0] == '\0' ? nullptr : argument;
}

Watch
read_watch(TupleDesc columns, char **names)
{
	Watch watch = {};
	for (int i = 0; i < watch_language; i++) {
		Source &source = watch.columns[i];
		if (or_null(names[i]) == nullptr)
			continue;
		const int number = SPI_fnumber(columns, names[i]);
		if (number <= 0) {
			if (watch.missing == nullptr)
				watch.missing = names[i];
			continue;
		}
		source.number = number;
		const Oid type = SPI_gettypeid(columns, number);
		source.type = getBaseType(type);
		if (is_text(source.type))
			continue;
		Oid function;
		bool is_varlena;
		getTypeOutputInfo(type, &function, &is_varlena);
		fmgr_info(function, &source.output);
	}
	watch.language = or_null(names[watch_language]);
	watch.sender = or_null(names[watch_sender]);
	return watch;
}

/* False: NULL, or no column. */
bool
get_value(const Source &source, TupleTableSlot *row, Datum &value)
{
	if (source.number == 0)
		return false;
	bool null;
	value = slot_getattr(row, source.number, &null);
	return !null;
}

const char *
value_of(Source &source, TupleTableSlot *row)
{
	Datum value;
	if (!get_value(source, row, value))
		return nullptr;
	if (!is_text(source.type)) {
		char *text = OutputFunctionCall(&source.output, value);
		/* as a cast to text has it: without the padding */
		for (std::size_t end = strlen(text);
		     source.type == BPCHAROID && end > 0 && text[end - 1] == ' '; end--)
			text[end - 1] = '\0';
		return text;
	}
	/* what is longer is refused, and need not be fetched for it */
	return text_to_cstring(
	    DatumGetTextPSlice(value, 0, max_text_argument_bytes + MAX_MULTIBYTE_CHAR_LEN));
}

Datum
numeric_of(const char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
	                           Int32GetDatum(-1));
}

/* Numbers are formatted with their currency; text is sent as it was written. The decimal digits of
 * a number, NULL for a column of another kind; floating point goes through numeric, since its own
 * text may be 1e+06, and as the shortest digits that are exact: a cast to numeric keeps six of a
 * real. */
const char *
decimal_of(const Source &source, TupleTableSlot *row)
{
	Datum value;
	if (!get_value(source, row, value))
		return nullptr;
	Datum numeric;
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	switch (source.type) {
	case INT2OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt16(value)));
		break;
	case INT4OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt32(value)));
		break;
	case INT8OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt64(value)));
		break;
	case FLOAT4OID:
		float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
		numeric = numeric_of(digits);
		break;
	case FLOAT8OID:
		double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
		numeric = numeric_of(digits);
		break;
	case NUMERICOID:
		numeric = value;
		break;
	default:
		return nullptr;
	}
	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

PurchaseOrder
read_order(Watch &watch, TupleTableSlot *row)
{
	PurchaseOrder order = {};
	order.supplier = value_of(watch.columns[watch_supplier], row);
	order.number = value_of(watch.columns[watch_po], row);
	order.phone = value_of(watch.columns[watch_phone], row);
	order.amount = decimal_of(watch.columns[watch_amount], row);
	if (order.amount == nullptr) {
		order.amount = value_of(watch.columns[watch_amount], row);
	} else {
		order.currency = value_of(watch.columns[watch_currency], row);
		if (order.currency == nullptr)
			order.currency = pg::settings.default_currency;
	}
	order.language = watch.language;
	order.sender = watch.sender;
	return order;
}

void
refuse_row(pg::Failure &why, int sqlstate, const char *message, const char *hint)
{
	why.sqlstate = sqlstate;
	strlcpy(why.message, message, sizeof why.message);
	why.detail[0] = '\0';
	strlcpy(why.hint, hint, sizeof why.hint);
}

bool
check_sender(Watch &watch, const char *sender)
{
	if (watch.known_sender == nullptr) {
		watch.known_sender = sender;
		watch.sender_exists = pg::sender_exists(sender);
	}
	return watch.sender_exists;
}

/* False, and the reason, for a watch that does not fit the table or the senders any more. */
bool
check_watch(Watch &watch, const char *sender, pg::Failure &why)
{
	if (watch.missing != nullptr) {
		refuse_row(why, ERRCODE_UNDEFINED_COLUMN,
		           psprintf("watched column \"%s\" does not exist", watch.missing),
		           "Call wa_unwatch() and wa_watch() with the table's present columns.");
		return false;
	}
	if (!check_sender(watch, sender)) {
		refuse_row(
		    why, ERRCODE_UNDEFINED_OBJECT, psprintf("sender \"%s\" does not exist", sender),
		    "Add it to whatsapp_senders, or call wa_unwatch() and wa_watch() with one that exists.");
		return false;
	}
	return true;
}

/* Where the hours cannot be told, the message leaves at once. */
void
keep_to_hours(pg::NewMessage &message)
{
	pg::Problem problem;
	const bool done = pg::attempt_apart(problem, 0, [&] {
		message.send_at =
		    pg::next_opening(GetCurrentTransactionStartTimestamp(), pg::settings.send_window,
		                     nullptr, message.recipient_phone);
	});
	if (!done && pg::problem_is_cancel(problem))
		pg::raise_problem(problem);
	message.has_send_at = done;
}

void
notify_row(Watch &watch, TupleTableSlot *row, pg::MessageBatch &batch)
{
	const PurchaseOrder order = read_order(watch, row);
	pg::NewMessage message;
	pg::Failure why;
	bool good = compose_order_message(order, message, why);
	/* a trigger that was made otherwise; never the session's whatsapp.default_sender */
	if (message.sender == nullptr)
		message.sender = pg::default_sender;
	good = check_watch(watch, message.sender, why) && good;
	if (good && pg::settings.send_window[0] != '\0')
		keep_to_hours(message);
	if (good && pg::may_send(message, why))
		pg::add_message(batch, message);
	else
		pg::record_refused(message, why);
}

/* Memory is given back as often as the rows of one message may be many: what is refused goes by a
 * statement of its own, whose result stays until SPI is left. */
constexpr int rows_at_once = 100;

/* False: there are no more. A row that was spilled to a file is read into the memory of the moment,
 * and is the slot's until the next: it must outlive SPI's. */
bool
fetch_row(Tuplestorestate *rows, int pointer, TupleTableSlot *row)
{
	MemoryContext before = MemoryContextSwitchTo(row->tts_mcxt);
	tuplestore_select_read_pointer(rows, pointer);
	const bool found = tuplestore_gettupleslot(rows, true, false, row);
	MemoryContextSwitchTo(before);
	return found;
}

/* False: there are no more. */
bool
notify_some(Watch &watch, Tuplestorestate *rows, int pointer, TupleTableSlot *row,
            pg::MessageBatch &batch)
{
	SPI_connect();
	bool more = true;
	for (int i = 0; i < rows_at_once && more; i++) {
		more = fetch_row(rows, pointer, row);
		if (more)
			notify_row(watch, row, batch);
	}
	SPI_finish();
	CHECK_FOR_INTERRUPTS();
	return more;
}

void
notify_all(Watch &watch, Tuplestorestate *rows, TupleDesc columns)
{
	/* others may read the same rows, each from a pointer of his own */
	const int pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, pointer);
	tuplestore_rescan(rows);
	TupleTableSlot *row = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
	pg::MessageBatch *batch = pg::begin_message_batch();
	while (notify_some(watch, rows, pointer, row, *batch))
		;
	pg::end_message_batch(*batch);
	ExecDropSingleTupleTableSlot(row);
}

/* As wa_watch() makes it. */
void
check_trigger(const TriggerData &call)
{
	const bool complete = TRIGGER_FIRED_FOR_ROW(call.tg_event) || call.tg_newtable != nullptr;
	if (complete && TRIGGER_FIRED_AFTER(call.tg_event) && !TRIGGER_FIRED_BY_DELETE(call.tg_event) &&
	    call.tg_trigger->tgnargs == watch_arguments)
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("trigger \"%s\" was not made by wa_watch()", call.tg_trigger->tgname),
	                errhint("Drop it and use wa_watch().")));
}

TupleTableSlot *
new_row(const TriggerData &call)
{
	return TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newslot : call.tg_trigslot;
}

Watch
watch_of(const TriggerData &call, Oid function)
{
	check_trigger(call);
	pg::use_schema_of_function(function);
	return read_watch(RelationGetDescr(call.tg_relation), call.tg_trigger->tgargs);
}

void
notify_call(const TriggerData &call, Oid function)
{
	Watch watch = watch_of(call, function);
	if (!TRIGGER_FIRED_FOR_ROW(call.tg_event)) {
		notify_all(watch, call.tg_newtable, RelationGetDescr(call.tg_relation));
		return;
	}
	SPI_connect();
	pg::MessageBatch *batch = pg::begin_message_batch();
	notify_row(watch, new_row(call), *batch);
	pg::end_message_batch(*batch);
	SPI_finish();
}

/* The message as far as it can be read, FAILED with that reason. */
void
record_problem(const TriggerData &call, Oid function, const pg::Problem &problem)
{
	Watch watch = watch_of(call, function);
	SPI_connect();
	pg::NewMessage message;
	pg::Failure why;
	(void)compose_order_message(read_order(watch, new_row(call)), message, why);
	if (message.sender == nullptr)
		message.sender = pg::settings.default_sender;
	refuse_row(why, ERRCODE_TRIGGERED_ACTION_EXCEPTION,
	           psprintf("message could not be queued: %s", problem.message),
	           "See the tables of the extension. wa_retry() sends the message again.");
	pg::record_refused(message, why);
	SPI_finish();
}

/* In an apply worker, where an error would stop all of the replication until somebody cures it. So
 * only one that passes by itself is raised: the server tries the same transaction again. */
void
notify_applied(const TriggerData &call, Oid function)
{
	pg::Problem problem;
	if (pg::attempt_apart(problem, 0, [&] { notify_call(call, function); }))
		return;
	if (pg::problem_passes(problem) || pg::problem_is_cancel(problem))
		pg::raise_problem(problem);
	pg::Problem unrecorded;
	if (pg::attempt_apart(unrecorded, 0, [&] { record_problem(call, function, problem); }))
		return;
	ereport(WARNING,
	        (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
	         errmsg("a replicated row of table \"%s\" made no WhatsApp message",
	                RelationGetRelationName(call.tg_relation)),
	         errdetail("SQLSTATE %s; when it was to be recorded as FAILED: SQLSTATE %s.",
	                   problem.sqlstate, unrecorded.sqlstate),
	         errhint("See the tables of the extension, and \"%s\" for rows without a message.",
	                 RelationGetRelationName(call.tg_relation))));
}

} // namespace

} // namespace whatsapp::entry

Datum
pg_whatsapp_notify_po(PG_FUNCTION_ARGS)
{
	using namespace whatsapp;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("whatsapp_notify_po() must be called as a trigger"),
		                errhint("Use wa_watch().")));
	auto *call = reinterpret_cast<TriggerData *>(fcinfo->context);
	/* what a subscription copies has been announced where it came from */
	if (pg::copies_old_rows())
		return PointerGetDatum(nullptr);
	if (pg::applies_changes())
		entry::notify_applied(*call, fcinfo->flinfo->fn_oid);
	else
		entry::notify_call(*call, fcinfo->flinfo->fn_oid);
	return PointerGetDatum(nullptr);
}
