/*
 * trigger.cpp — a new purchase order becomes a message, in the same transaction.
 *
 * Whatever is wrong with the row's data makes a FAILED message with the reason: the business
 * transaction is not stopped by a supplier's phone number, nor by a table of ours. Called once a
 * statement with all its new rows, or, on what is or may get partitions, once a row: see
 * wa_watch().
 */
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/send_window.hpp"
#include "pg/server/replication.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/transaction.hpp"
#include "pg/watches/watch_errors.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/watch/moved_row.hpp"
#include "entry/watch/order_row.hpp"

extern "C" {
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_notify_po);
}

namespace whatsapp::entry
{

namespace
{

/* A message batch has room for so many rows. After them the memory that they took is freed. */
constexpr int rows_at_once = 200;

/* One call of the trigger. */
struct Notifying {
	const TriggerData &call;
	OrderWatch &watch;
	pg::MessageBatch *batch;
	pg::WatchTrouble trouble;
};

void
refuse_row(pg::Failure &why, int sqlstate, const char *message, const char *hint)
{
	why.sqlstate = sqlstate;
	strlcpy(why.message, message, sizeof why.message);
	why.detail[0] = '\0';
	strlcpy(why.hint, hint, sizeof why.hint);
}

bool
check_sender(OrderWatch &watch, const char *sender)
{
	if (watch.known_sender == nullptr) {
		watch.known_sender = sender;
		watch.sender_exists = pg::sender_exists(sender);
	}
	return watch.sender_exists;
}

/* False, and the reason, for a watch that does not fit the table or the senders any more. */
bool
check_watch(OrderWatch &watch, const char *sender, pg::Failure &why)
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

/* Sets send_at to the next moment within whatsapp.send_window. When that cannot be found out, the
 * message leaves at once. */
void
keep_to_hours(pg::NewMessage &message)
{
	pg::Problem problem;
	const bool done = pg::try_body_apart(problem, 0, [&] {
		message.send_at =
		    pg::next_opening(GetCurrentTransactionStartTimestamp(), pg::settings.send_window,
		                     nullptr, message.recipient_phone);
	});
	if (!done && pg::problem_is_cancel(problem))
		pg::raise_problem(problem);
	message.has_send_at = done;
}

void
notify_row(OrderWatch &watch, TupleTableSlot *row, pg::MessageBatch &batch, bool key_is_new)
{
	pg::NewMessage message;
	pg::Failure why;
	bool good = compose_order_message(read_order(watch, row), message, why);
	/* the trigger names no sender: it was made by hand, or when whatsapp.default_sender was empty.
	 * Its messages must not depend on that setting now, which each session may change */
	if (message.sender == nullptr)
		message.sender = pg::default_sender;
	if (message.idempotency_key != nullptr) {
		message.enqueued_by = watch.enqueued_by;
		message.first_of_key_stands = true;
		message.key_is_new = key_is_new;
	}
	good = check_watch(watch, message.sender, why) && good;
	if (good && pg::settings.send_window[0] != '\0')
		keep_to_hours(message);
	if (good && pg::may_send(message, why))
		pg::add_message(batch, message);
	else
		pg::record_refused(message, why);
}

/* In an apply worker an error would stop all of the replication until somebody cures it. So only
 * one that passes by itself is raised: the server tries the same transaction again. */
void
raise_if_wanted(const pg::Problem &problem)
{
	const bool again =
	    pg::applies_changes() && (pg::problem_passes(problem) || pg::problem_is_cancel(problem));
	if (again || pg::somebody_cancels(problem))
		pg::raise_problem(problem);
}

/* Writes the message, as far as the row can be read, as FAILED with the problem as its reason. */
void
record_problem(Notifying &notifying, TupleTableSlot *row, const pg::Problem &problem)
{
	pg::NewMessage message;
	pg::Failure why;
	SPI_connect();
	(void)compose_order_message(read_order(notifying.watch, row), message, why);
	if (message.sender == nullptr)
		message.sender = pg::default_sender;
	refuse_row(why, ERRCODE_TRIGGERED_ACTION_EXCEPTION,
	           psprintf("message could not be queued: %s", problem.message),
	           "See the tables of the extension. wa_retry() sends the message again.");
	pg::record_refused(message, why);
	SPI_finish();
}

void
note_lost(Notifying &notifying, const pg::Problem &problem, TupleTableSlot *row)
{
	pg::WatchTrouble &trouble = notifying.trouble;
	if (trouble.rows++ > 0)
		return;
	trouble.problem = problem;
	strlcpy(trouble.first_row, "a row that cannot be read", sizeof trouble.first_row);
	pg::Problem other;
	(void)pg::try_body_apart(other, 0, [&] {
		const char *number = read_order(notifying.watch, row).number;
		if (number != nullptr)
			strlcpy(trouble.first_row, number, sizeof trouble.first_row);
	});
}

bool
try_alone(Notifying &notifying, TupleTableSlot *row, bool key_is_new, pg::Problem &problem)
{
	if (pg::try_body_apart(problem, 0, [&] {
		    SPI_connect();
		    notify_row(notifying.watch, row, *notifying.batch, key_is_new);
		    pg::end_message_batch(*notifying.batch);
		    SPI_finish();
	    }))
		return true;
	pg::forget_message_batch(*notifying.batch);
	return false;
}

/* Makes the message of one row, in a subtransaction of its own. key_is_new is a guess: if the key
 * turns out to be there already, the row is tried once more without it. */
void
notify_alone(Notifying &notifying, TupleTableSlot *row, bool key_is_new)
{
	pg::Problem problem = notifying.trouble.problem;
	if (!notifying.trouble.given_up) {
		if (try_alone(notifying, row, key_is_new, problem) ||
		    (key_is_new && pg::problem_is_repeat(problem) &&
		     try_alone(notifying, row, false, problem)))
			return;
		raise_if_wanted(problem);
		pg::Problem unrecorded;
		notifying.trouble.given_up = pg::ends_the_attempts(problem);
		if (!notifying.trouble.given_up &&
		    pg::try_body_apart(unrecorded, 0, [&] { record_problem(notifying, row, problem); }))
			return;
	}
	note_lost(notifying, problem, row);
}

/* False when there are no more rows. A row that was spilled to a file is read into the current
 * memory context and stays in the slot until the next fetch. So that context must be one that lives
 * longer than SPI's: the slot's own. */
bool
fetch_row(Tuplestorestate *rows, int pointer, TupleTableSlot *row)
{
	MemoryContext before = MemoryContextSwitchTo(row->tts_mcxt);
	tuplestore_select_read_pointer(rows, pointer);
	const bool found = tuplestore_gettupleslot(rows, true, false, row);
	MemoryContextSwitchTo(before);
	return found;
}

/* Where a statement reads its new rows, and where the last ones began. */
struct NewRows {
	Tuplestorestate *rows;
	int next;
	int begin;
	TupleTableSlot *row;
};

/* False: there are no more. */
bool
notify_together(Notifying &notifying, NewRows &reading)
{
	SPI_connect();
	bool more = true;
	for (int i = 0; i < rows_at_once && more; i++) {
		more = fetch_row(reading.rows, reading.next, reading.row);
		if (more)
			notify_row(notifying.watch, reading.row, *notifying.batch, true);
	}
	pg::end_message_batch(*notifying.batch);
	SPI_finish();
	return more;
}

/* When a part fails, its rows are done again one by one, so that the good ones get their
 * messages. */
bool
notify_some(Notifying &notifying, NewRows &reading)
{
	bool more = true;
	pg::Problem problem;
	tuplestore_copy_read_pointer(reading.rows, reading.next, reading.begin);
	if (!notifying.trouble.given_up &&
	    pg::try_body_apart(problem, 0, [&] { more = notify_together(notifying, reading); }))
		return more;
	if (!notifying.trouble.given_up) {
		raise_if_wanted(problem);
		pg::forget_message_batch(*notifying.batch);
		notifying.trouble.given_up = pg::ends_the_attempts(problem);
		if (notifying.trouble.given_up)
			notifying.trouble.problem = problem;
		tuplestore_copy_read_pointer(reading.rows, reading.begin, reading.next);
	}
	more = true;
	for (int i = 0; i < rows_at_once && more; i++) {
		more = fetch_row(reading.rows, reading.next, reading.row);
		if (more)
			notify_alone(notifying, reading.row, false);
	}
	return more;
}

void
notify_all(Notifying &notifying)
{
	/* other triggers may read the same rows, each with a read pointer of its own */
	Tuplestorestate *rows = notifying.call.tg_newtable;
	const int next = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, next);
	tuplestore_rescan(rows);
	NewRows reading = {rows, next, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND),
	                   MakeSingleTupleTableSlot(RelationGetDescr(notifying.call.tg_relation),
	                                            &TTSOpsMinimalTuple)};
	while (notify_some(notifying, reading))
		CHECK_FOR_INTERRUPTS();
	ExecDropSingleTupleTableSlot(reading.row);
}

/* Raises unless the trigger is one as wa_watch() makes it. */
void
check_trigger(const TriggerData &call)
{
	const bool complete = TRIGGER_FIRED_FOR_ROW(call.tg_event) || call.tg_newtable != nullptr;
	if (complete && TRIGGER_FIRED_AFTER(call.tg_event) &&
	    call.tg_trigger->tgnargs == watch_arguments)
		return;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("trigger \"%s\" was not made by wa_watch()", call.tg_trigger->tgname),
	                errhint("Drop it and use wa_watch().")));
}

/* Writes down which rows made no message, and why; whatsapp_watches shows it. */
void
report_trouble(const Notifying &notifying)
{
	const char *table = RelationGetRelationName(notifying.call.tg_relation);
	pg::WatchDefinition watch = {};
	watch.name = order_watch_name(watched_table(notifying.call));
	pg::record_trouble(watch, pg::WatchEvent::inserted, notifying.trouble);
	if (pg::applies_changes())
		ereport(WARNING,
		        (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
		         errmsg("a replicated row of table \"%s\" made no WhatsApp message", table),
		         errdetail("SQLSTATE %s.", notifying.trouble.problem.sqlstate),
		         errhint("See whatsapp_watches, the tables of the extension, and \"%s\" for rows "
		                 "without a message.",
		                 table)));
}

void
notify_call(const TriggerData &call, Oid function)
{
	check_trigger(call);
	pg::use_schema_of_function(function);
	Notifying notifying = {call,
	                       *read_order_watch(call.tg_relation, call.tg_trigger->tgargs),
	                       pg::begin_message_batch(),
	                       {}};
	if (TRIGGER_FIRED_FOR_ROW(call.tg_event))
		notify_alone(notifying,
		             TRIGGER_FIRED_BY_UPDATE(call.tg_event) ? call.tg_newslot : call.tg_trigslot,
		             true);
	else
		notify_all(notifying);
	if (notifying.trouble.rows > 0)
		report_trouble(notifying);
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
	const auto *call = reinterpret_cast<const TriggerData *>(fcinfo->context);
	const bool by_row = TRIGGER_FIRED_FOR_ROW(call->tg_event);
	/* what a subscription copies has been announced where it came from */
	if (pg::copies_old_rows())
		return PointerGetDatum(nullptr);
	if (TRIGGER_FIRED_BY_DELETE(call->tg_event)) {
		if (by_row)
			entry::note_moved_row(*call);
	} else if (!by_row || !TRIGGER_FIRED_BY_INSERT(call->tg_event) || !entry::is_moved_row(*call)) {
		entry::notify_call(*call, fcinfo->flinfo->fn_oid);
	}
	return PointerGetDatum(nullptr);
}
