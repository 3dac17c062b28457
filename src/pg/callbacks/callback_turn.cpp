/*
 * callback_turn.cpp — calls in their order, those of one message never past one that failed.
 *
 * A call that fails is tried again after 1 s, 2 s, 4 s … ten minutes at most. A callback that does
 * nothing but fail, or takes too long, rests as a whole in the same way: so what it costs others
 * becomes less and less.
 */
#include "pg/callbacks/callback_turn.hpp"

#include "pg/callbacks/callback.hpp"
#include "pg/callbacks/callback_guard.hpp"
#include "pg/callbacks/callback_work.hpp"
#include "pg/changes/callback_list.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int calls_at_once = 100;
constexpr std::int64_t turn_ms = 1000;
/* a turn ends after so many failures without a success */
constexpr int failures_at_once = 10;

/* Until then the callback rests, or the call waits: 1 s, 2 s, 4 s and so on, ten minutes at most.
 */
#define LATER(times) \
	"clock_timestamp() + make_interval(secs => least(600, 2.0 ^ least(" times ", 10)))"

/* It outlives the transactions of its calls: so it has plain values, and strings in a memory of its
 * own. */
struct CallbackTurn {
	bool found;
	Callback callback;
	CallbackCall calls[calls_at_once];
	int count;
	int failed;
	bool succeeded;
	bool took_too_long;
	std::int64_t first_failed;
	Problem last;
};

void
take_calls(CallbackTurn &turn, MemoryContext memory)
{
	static Statement statement = {
	    "SELECT q.id, q.message_id, q.status FROM @s@.whatsapp_callback_calls AS q"
	    " WHERE q.callback = $1 AND q.due_at <= now() ORDER BY q.due_at, q.id LIMIT $2",
	    2,
	    {INT8OID, INT4OID}};
	Values values;
	values.set(0, Int64GetDatum(turn.callback.id));
	values.set(1, Int32GetDatum(calls_at_once));
	const Result rows = run_statement(statement, values);
	/* a statement leaves the memory of SPI behind */
	MemoryContext before = MemoryContextSwitchTo(memory);
	turn.count = static_cast<int>(rows.count());
	for (int i = 0; i < turn.count; i++) {
		const auto row = static_cast<uint64>(i);
		turn.calls[i] = {rows.int64_at(row, 1), rows.int64_at(row, 2), rows.text_at(row, 3)};
	}
	MemoryContextSwitchTo(before);
}

/* False when the callback was removed or paused, which the call before this one may have done; and
 * when an earlier call for the same message has failed: that one comes first, and this one becomes
 * due right behind it. */
bool
may_be_made(const CallbackCall &call)
{
	static Statement look = {
	    "SELECT (SELECT max(e.due_at) FROM @s@.whatsapp_callback_calls AS e"
	    "   WHERE e.callback = q.callback AND e.message_id = q.message_id AND e.id < q.id)"
	    " FROM @s@.whatsapp_callback_calls AS q JOIN @s@.whatsapp_callback_definitions AS d ON d.id = q.callback"
	    " WHERE q.id = $1 AND NOT d.paused",
	    1,
	    {INT8OID}};
	static Statement put_behind = {
	    "UPDATE @s@.whatsapp_callback_calls SET due_at = $2 + interval '1 microsecond' WHERE id = $1",
	    2,
	    {INT8OID, TIMESTAMPTZOID}};
	Values values;
	values.set(0, Int64GetDatum(call.id));
	const Result found = run_statement(look, values);
	if (found.empty())
		return false;
	if (found.is_null(0, 1))
		return true;
	values.set(1, TimestampTzGetDatum(found.int64_at(0, 1)));
	run_statement(put_behind, values);
	return false;
}

void
remove_call(const CallbackCall &call)
{
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_callback_calls WHERE id = $1", 1, {INT8OID}};
	static Statement left = {
	    "SELECT 1 FROM @s@.whatsapp_callback_calls WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(call.id));
	if (run_statement(remove, values).count() == 0 && !run_statement(left, values).empty())
		raise_left_out("whatsapp_callback_calls");
}

void
put_off_call(const CallbackCall &call, const Problem &problem)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_callback_calls SET attempts = attempts + 1, error_code = $2, error_message = $3,"
	    " due_at = " LATER("attempts") " WHERE id = $1",
	    3,
	    {INT8OID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(call.id));
	values.set_text(1, problem.sqlstate);
	values.set_text(2, problem.message);
	run_statement(statement, values);
}

/* What is lost of it in a crash is lost together with the deletion of the call, which is then made
 * again. The turn as a whole is flushed at its end. */
void
commit_unflushed()
{
	(void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
	                        GUC_ACTION_LOCAL, true, 0, false);
}

void
note_failed_call(CallbackTurn &turn, const CallbackCall &call, const Problem &problem,
                 bool row_is_gone)
{
	if (turn.failed++ == 0)
		turn.first_failed = call.id;
	turn.last = problem;
	turn.took_too_long = turn.took_too_long || problem_is_cancel(problem);
	/* a row that is not there will not come back */
	turn.succeeded = turn.succeeded || row_is_gone;
	if (row_is_gone)
		remove_call(call);
	else
		put_off_call(call, problem);
}

/* In a transaction. */
void
make_call(CallbackTurn &turn, const CallbackCall &call)
{
	static Statement immediate = {"SET CONSTRAINTS ALL IMMEDIATE", 0, {}};
	Problem problem;
	bool row_is_gone = false;
	commit_unflushed();
	/* a deferred trigger would run at the commit, with the rights of the extension's owner */
	run_statement(immediate, Values());
	if (!may_be_made(call))
		return;
	begin_guarded_call(settings.callback_timeout);
	if (try_body_apart(problem, settings.callback_timeout, [&] {
		    work_for_callback(turn.callback, call, row_is_gone);
		    remove_call(call);
	    })) {
		turn.succeeded = true;
		return;
	}
	forget_callback_work();
	/* what the end of this process broke off is nobody's fault */
	if (!shutdown_requested())
		note_failed_call(turn, call, problem, row_is_gone);
}

/* A transaction each: no lock of one call is held while another waits, so that nobody gets into a
 * deadlock for the sake of a turn. False when one could not be committed. */
bool
make_calls(CallbackTurn &turn)
{
	const std::int64_t end = monotonic_ms() + turn_ms;
	bool committed = true;
	guard_callback(turn.callback.id);
	for (int i = 0; i < turn.count && committed; i++) {
		if ((i > 0 && monotonic_ms() >= end) || shutdown_requested() || turn.took_too_long ||
		    (!turn.succeeded && turn.failed >= failures_at_once))
			break;
		committed = run_transaction([&] { make_call(turn, turn.calls[i]); });
		forget_callback_work();
	}
	release_callback();
	XLogFlush(XactLastCommitEnd);
	return committed;
}

void
note_turn(const CallbackTurn &turn)
{
	static Statement failed = {
	    "UPDATE @s@.whatsapp_callback_definitions SET errors = errors + $2, error_code = $3, error_message = $4,"
	    " failed_at = clock_timestamp(), failures = CASE WHEN $5 THEN failures + 1 ELSE 0 END,"
	    " resting_until = CASE WHEN $5 THEN " LATER("failures") " END WHERE id = $1",
	    5,
	    {INT8OID, INT8OID, TEXTOID, TEXTOID, BOOLOID}};
	static Statement healed = {
	    "UPDATE @s@.whatsapp_callback_definitions SET failures = 0, resting_until = NULL WHERE id = $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(turn.callback.id));
	if (turn.failed > 0) {
		values.set(1, Int64GetDatum(turn.failed));
		values.set_text(2, turn.last.sqlstate);
		values.set_text(3, turn.last.message);
		values.set(4, BoolGetDatum(turn.took_too_long || !turn.succeeded));
		run_statement(failed, values);
	} else if (turn.callback.failures > 0 && turn.succeeded) {
		run_statement(healed, values);
	}
}

/* What the function said stays in the database: it may quote a message. */
void
report_failed_calls(const CallbackTurn &turn)
{
	ereport(LOG, (errmsg("calls of WhatsApp callback \"%s\" have failed: %d", turn.callback.name,
	                     turn.failed),
	              errdetail("The first is call %lld; the last error has SQLSTATE %s.",
	                        static_cast<long long>(turn.first_failed), turn.last.sqlstate),
	              errhint("See whatsapp_callbacks. They are tried again.")));
}

} // namespace

void
take_callback_turn(std::int64_t &next_due_ms)
{
	static std::int64_t last = 0;
	static CallbackTurn turn;
	static MemoryContext memory =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp callback", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(memory);
	turn = {};
	next_due_ms = -1;
	bool committed = run_transaction([&] {
		if (!callbacks_were_made())
			return;
		turn.found = find_due_callback(last, turn.callback, memory);
		if (turn.found)
			take_calls(turn, memory);
		if (!turn.found)
			next_due_ms = next_callback_due();
	});
	if (committed && turn.found) {
		last = turn.callback.id;
		begin_callback_work(memory);
		committed = make_calls(turn);
		if (turn.failed > 0 || turn.callback.failures > 0)
			run_transaction([&] { note_turn(turn); });
		if (turn.failed > 0)
			report_failed_calls(turn);
		/* another callback may have something to do, or this one more */
		next_due_ms = 0;
	}
	/* a lock, or the disk is full */
	if (!committed)
		next_due_ms = 1000;
}

} // namespace whatsapp::pg
