/*
 * intake.cpp — the queue of the reader: taken in batches, each event in its own subtransaction,
 * failures written down with growing pauses.
 */
#include "pg/reader/intake.hpp"

#include <algorithm>

#include "pg/identity/directory.hpp"
#include "pg/reader/account_events.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/reader/inbound.hpp"
#include "pg/reader/status_tasks.hpp"
#include "pg/server/milliseconds.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/worker.hpp"
#include "pg/webhooks/foreign_events.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int batch_size = 100;
/* a batch of slow triggers must not hold its snapshot for long */
constexpr std::int64_t batch_ms = 1000;

bool
is_kind(const InboxTask &task, const char *kind)
{
	return task.kind != nullptr && strcmp(task.kind, kind) == 0;
}

/* Statuses that are to be applied come first. Nothing can happen after it was received: a time that
 * is further ahead than clocks differ is not believed. Else a later event, such as a STOP, would
 * count as older for so long, and a window would stay open. */
int
take_tasks(InboxTask *tasks, int limit)
{
	static Statement statement = {
	    "SELECT q.event_id, q.attempts, e.kind, e.account_id, e.phone_number_id, e.wamid, e.raw::text, e.contact::text,"
	    "  CASE WHEN e.occurred_at > e.received_at + interval '1 minute' THEN date_trunc('second', e.received_at)"
	    "   ELSE coalesce(e.occurred_at, e.received_at) END, e.received_at, coalesce(e.message_id, 0), q.apply_status, e.signed_for"
	    " FROM (SELECT event_id, attempts, due_at, apply_status FROM @s@.whatsapp_event_queue WHERE due_at <= now()"
	    "   ORDER BY due_at, event_id LIMIT $1) AS q"
	    " LEFT JOIN @s@.whatsapp_events AS e ON e.id = q.event_id ORDER BY q.apply_status DESC, q.due_at, q.event_id",
	    1,
	    {INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(limit));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		InboxTask &task = tasks[i];
		task.event_id = rows.int64_at(i, 1);
		task.attempts = rows.int32_at(i, 2);
		task.kind = rows.text_at(i, 3);
		task.account_id = rows.text_at(i, 4);
		task.phone_number_id = rows.text_at(i, 5);
		task.wamid = rows.text_at(i, 6);
		task.raw = rows.text_at(i, 7);
		task.contact = rows.text_at(i, 8);
		task.occurred_at = rows.int64_at(i, 9);
		task.received_at = rows.int64_at(i, 10);
		task.message_id = rows.int64_at(i, 11);
		task.apply_status = rows.bool_at(i, 12);
		task.signed_for = rows.text_at(i, 13);
	}
	return static_cast<int>(rows.count());
}

/* Whether the event is about an account or a number for which its signer may not speak: the account
 * of its entry, and the number in its metadata. For statuses the listener has decided this, by the
 * sender of the message. */
bool
is_foreign(const InboxTask &task)
{
	const char *name;
	return task.signed_for != nullptr && !is_kind(task, "status") &&
	       (find_account(task.account_id, task.signed_for, name) == Owner::foreign ||
	        find_sender(task.phone_number_id, task.signed_for, name) == Owner::foreign);
}

void
mark_foreign(const InboxTask &task)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_events SET kind = 'foreign' WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(task.event_id));
	run_statement(statement, values);
	const auto or_empty = [](const char *text) { return text == nullptr ? "" : text; };
	note_foreign_event(task.signed_for, or_empty(task.account_id), or_empty(task.phone_number_id));
}

/* What the extension itself does about an event. Doing it once more does no harm: what it writes
 * carries the time of the event. */
void
act_on_event(const InboxTask &task)
{
	if (is_kind(task, "message"))
		heed_message(task);
	else if (is_kind(task, "account"))
		apply_account_event(task);
	else if (is_kind(task, "status"))
		heed_status(task);
}

bool
attempt_task(const InboxTask &task, Problem &problem)
{
	/* the event was removed meanwhile */
	if (task.kind == nullptr)
		return true;
	bool foreign = false;
	if (!try_body_apart(problem, 0, [&] {
		    foreign = is_foreign(task);
		    if (foreign)
			    mark_foreign(task);
		    else
			    act_on_event(task);
	    }))
		return false;
	if (foreign)
		return true;
	if (is_kind(task, "message"))
		return try_body_apart(problem, settings.trigger_timeout, [&] { store_inbound(task); });
	return !task.apply_status ||
	       try_body_apart(problem, settings.trigger_timeout, [&] { apply_status_tasks(&task, 1); });
}

/* Applies the statuses among the tasks all at once, as the listener does. When a user's trigger
 * refuses one of them, none is applied here, and each is attempted alone later. Returns how many
 * are applied. */
int
apply_statuses_together(InboxTask *tasks, int count)
{
	Problem problem;
	int size = 0;
	while (size < count && tasks[size].apply_status)
		size++;
	if (size < 2 || !try_body_apart(problem, settings.trigger_timeout, [&] {
		    apply_status_tasks(tasks, static_cast<std::size_t>(size));
	    }))
		return 0;
	for (int i = 0; i < size; i++)
		tasks[i].apply_status = false;
	return size;
}

void
put_off_task(const InboxTask &task, const Problem &problem)
{
	/* 1 s, 2 s, 4 s and so on, ten minutes at most */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_event_queue SET attempts = attempts + 1, error_code = $2, error_message = $3, apply_status = $4,"
	    "  due_at = clock_timestamp() + make_interval(secs => least(600, 2.0 ^ least(attempts, 10)))"
	    " WHERE event_id = $1",
	    4,
	    {INT8OID, TEXTOID, TEXTOID, BOOLOID}};
	Values values;
	values.set(0, Int64GetDatum(task.event_id));
	values.set_text(1, problem.sqlstate);
	values.set_text(2, problem.message);
	values.set(3, BoolGetDatum(task.apply_status));
	run_statement(statement, values);
}

void
finish_tasks(const Column &done)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_event_queue WHERE event_id = ANY ($1)", 1, {INT8ARRAYOID}};
	Values values;
	values.set(0, done.array(INT8OID));
	/* what stays would be acted upon again at once, and for ever */
	if (run_statement(statement, values).count() < static_cast<uint64>(done.count()))
		raise_left_out("whatsapp_event_queue");
}

/* What the trigger said stays in the database: it may quote the message. */
void
report_failed_tasks(const InboxTask &first, const Problem &problem, int failed)
{
	ereport(
	    LOG,
	    (errmsg("events of WhatsApp webhooks could not be acted upon: %d", failed),
	     errdetail("The first is event %lld, attempt %d: SQLSTATE %s.",
	               static_cast<long long>(first.event_id), first.attempts + 1, problem.sqlstate),
	     strcmp(problem.sqlstate, "55P03") == 0
	         ? errhint(
	               "Somebody holds a lock on a row or a table that they need. pg_locks and pg_stat_activity show who; it is tried again.")
	         : errhint(
	               "Most likely a trigger on whatsapp_inbound or whatsapp_messages fails. See whatsapp_event_queue; it is tried again.")));
}

/* Returns how many of the tasks are dealt with: done, or put off. */
int
work_off_tasks(InboxTask *tasks, int count)
{
	static Statement immediate = {"SET CONSTRAINTS ALL IMMEDIATE", 0, {}};
	const std::int64_t end = monotonic_ms() + batch_ms;
	Column done(static_cast<std::size_t>(count));
	const InboxTask *first_failed = nullptr;
	Problem first_problem = {};
	int failed = 0;
	int at = 0;
	/* else the refusal of a deferred trigger would undo the whole batch at its commit */
	run_statement(immediate, Values());
	/* what is applied must leave the queue in this transaction: applied once more, and late, a
	 * status could meet another attempt of its message */
	const int applied = apply_statuses_together(tasks, count);
	for (; at < count &&
	       (at < applied || ((at == 0 || monotonic_ms() < end) && !shutdown_requested()));
	     at++) {
		Problem problem;
		if (attempt_task(tasks[at], problem)) {
			done.add(Int64GetDatum(tasks[at].event_id));
			continue;
		}
		/* broken off by our own shutdown */
		if (at >= applied && shutdown_requested())
			break;
		put_off_task(tasks[at], problem);
		if (failed++ == 0) {
			first_failed = &tasks[at];
			first_problem = problem;
		}
	}
	finish_tasks(done);
	if (failed > 0)
		report_failed_tasks(*first_failed, first_problem, failed);
	return at;
}

std::int64_t
ask_next_due()
{
	static Statement statement = {
	    "SELECT " MILLISECONDS_UNTIL("min(due_at)",
	                                 "clock_timestamp()") " FROM @s@.whatsapp_event_queue",
	    0,
	    {}};
	const Result due = run_statement(statement, Values());
	return due.is_null(0, 1) ? -1 : Max(due.int64_at(0, 1), 0);
}

} // namespace

bool
work_off_event_queue(std::int64_t &next_due_ms)
{
	static InboxTask tasks[batch_size];
	/* after a commit that failed, events are taken one by one until the one to blame is found */
	static int singly = 0;
	const int limit = singly > 0 ? 1 : batch_size;
	int taken = 0;
	bool more = false;
	const bool committed = run_transaction([&] {
		taken = take_tasks(tasks, limit);
		const int finished = taken == 0 ? 0 : work_off_tasks(tasks, taken);
		more = taken == limit || finished < taken;
		next_due_ms = ask_next_due();
		fault_point(FaultPoint::intake_acted, static_cast<std::size_t>(taken));
	});
	fault_point(FaultPoint::intake_committed, static_cast<std::size_t>(taken));
	report_foreign_events();
	singly = Max(singly - 1, 0);
	if (committed)
		return more;
	next_due_ms = 1000;
	/* somebody holds a lock, or the disk is full: no event is to blame */
	if (taken == 0 || failure_passes())
		return false;
	if (limit > 1) {
		singly = taken;
		return true;
	}
	const InboxTask &task = tasks[0];
	return run_transaction([&] {
		put_off_task(task, {"XX000", "its transaction could not be committed", "", ""});
	});
}

} // namespace whatsapp::pg
