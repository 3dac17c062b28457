/*
 * reminders.cpp — a TRUNCATE does not say which rows are gone: all of the watch are.
 */
#include "pg/watches/reminders.hpp"

#include "pg/enqueue/cancel_retry.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/replication.hpp"
#include "pg/watches/watch_errors.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

#define WAITING_OF_OWNER                                                                   \
	" FROM @s@.whatsapp_queue AS q JOIN @s@.whatsapp_messages AS m ON m.id = q.message_id" \
	" WHERE q.state IN ('ready', 'held') AND m.enqueued_by = $1"

constexpr uint64 cancelled_at_once = 200;

bool
has_own_keys(const WatchDefinition &watch)
{
	return watch.idempotency_key != nullptr;
}

/* A watch makes keys of its name and the row's key, which is the reference, too, unless the watch
 * says another one. So a key is told from others of the owner's that begin with the name; one that
 * was too long ends with a hash. With another reference, those of watches whose names begin with
 * the name are told from it. */
Result
find_reminders(const WatchDefinition &watch)
{
	static Statement by_key = {
	    "SELECT m.id" WAITING_OF_OWNER
	    " AND starts_with(m.idempotency_key, $2 || ':') AND CASE WHEN $3"
	    "  THEN m.idempotency_key = $2 || ':' || m.reference OR (m.idempotency_key ~ '#[0-9a-f]{32}$'"
	    "   AND starts_with($2 || ':' || m.reference, left(m.idempotency_key, -33)))"
	    "  ELSE NOT EXISTS (SELECT FROM @s@.whatsapp_watch_definitions AS o WHERE starts_with(o.name, $2 || ':')"
	    "   AND starts_with(m.idempotency_key, o.name || ':')) END ORDER BY m.id",
	    3,
	    {TEXTOID, TEXTOID, BOOLOID}};
	static Statement by_note = {"SELECT m.id" WAITING_OF_OWNER
	                            " AND EXISTS (SELECT FROM @s@.whatsapp_watched_messages AS w"
	                            " WHERE w.message_id = m.id AND w.watch = $2) ORDER BY m.id",
	                            2,
	                            {TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, watch.owner);
	values.set_text(1, has_own_keys(watch) ? watch.key : watch.name);
	if (has_own_keys(watch))
		return run_statement(by_note, values);
	values.set(2, BoolGetDatum(watch.reference == nullptr));
	return run_statement(by_key, values);
}

/* Whether there may be some that nothing tells from other messages of the owner: their keys are
 * made by an expression, and there is no status_column. */
bool
are_hidden(const WatchDefinition &watch)
{
	static Statement statement = {
	    "SELECT 1" WAITING_OF_OWNER " AND m.idempotency_key IS NOT NULL AND NOT EXISTS (SELECT"
	    " FROM @s@.whatsapp_watch_definitions AS d WHERE d.idempotency_key IS NULL"
	    "  AND starts_with(m.idempotency_key, d.name || ':')) LIMIT 1",
	    1,
	    {TEXTOID}};
	if (!has_own_keys(watch) || watch.status_column != nullptr)
		return false;
	Values values;
	values.set_text(0, watch.owner);
	return !run_statement(statement, values).empty();
}

/* The results of our statements live until SPI is left, so each chunk has a connection of its
 * own. */
void
cancel_messages(const Result &found, uint64 first, uint64 end)
{
	static Statement free_keys = {
	    "UPDATE @s@.whatsapp_messages AS m SET idempotency_key = NULL WHERE m.id = ANY ($1) AND m.status = 'CANCELLED'",
	    1,
	    {INT8ARRAYOID}};
	SPI_connect();
	Column ids(end - first);
	for (uint64 i = first; i < end; i++)
		if (cancel_message(found.int64_at(i, 1)))
			ids.add(Int64GetDatum(found.int64_at(i, 1)));
	Values values;
	values.set(0, ids.array(INT8OID));
	if (ids.count() > 0)
		(void)run_statement(free_keys, values);
	SPI_finish();
	CHECK_FOR_INTERRUPTS();
}

void
raise_if_wanted(const WatchDefinition &watch, const Problem &problem)
{
	/* where changes are applied, the server tries the whole transaction again */
	if (watch.rejects || somebody_cancels(problem) ||
	    (applies_changes() && problem_passes(problem)))
		raise_problem(problem);
}

/* What cannot be cancelled together is cancelled one by one. */
void
cancel_chunk(const WatchDefinition &watch, const Result &found, uint64 first, uint64 end,
             WatchTrouble &trouble)
{
	Problem problem = trouble.problem;
	if (!trouble.given_up) {
		if (try_body_apart(problem, 0, [&] { cancel_messages(found, first, end); }))
			return;
		raise_if_wanted(watch, problem);
		trouble.given_up = ends_the_attempts(problem);
	}
	if (end - first > 1 && !trouble.given_up) {
		for (uint64 i = first; i < end; i++)
			cancel_chunk(watch, found, i, i + 1, trouble);
		return;
	}
	if (trouble.rows == 0)
		trouble.problem = problem;
	trouble.rows += static_cast<std::int64_t>(end - first);
}

} // namespace

void
cancel_reminders(const WatchDefinition &watch)
{
	WatchTrouble trouble = {0, {}, "unknown", false};
	Problem problem;
	bool hidden = false;
	if (!try_body_apart(problem, 0, [&] {
		    SPI_connect();
		    const Result found = find_reminders(watch);
		    for (uint64 i = 0; i < found.count(); i += cancelled_at_once)
			    cancel_chunk(watch, found, i, Min(i + cancelled_at_once, found.count()), trouble);
		    hidden = are_hidden(watch);
		    SPI_finish();
	    })) {
		raise_if_wanted(watch, problem);
		trouble.problem = problem;
		trouble.rows = Max(trouble.rows, 1);
	} else if (hidden) {
		trouble.rows = 1;
		strlcpy(trouble.problem.sqlstate, "55000", sizeof trouble.problem.sqlstate);
		strlcpy(trouble.problem.message,
		        "table was truncated, and the messages of its rows stay: an idempotency_key "
		        "of one's own does not tell them",
		        sizeof trouble.problem.message);
	}
	if (trouble.rows > 0)
		record_trouble(watch, WatchEvent::truncated, trouble);
}

void
tell_of_reminders(const WatchDefinition &watch)
{
	if (are_hidden(watch)) {
		ereport(NOTICE,
		        (errmsg("messages of watch \"%s\" that wait stay, and are sent when they are due",
		                watch.name),
		         errhint("wa_cancel() cancels one that is not to be sent.")));
		return;
	}
	const auto count = static_cast<unsigned long>(find_reminders(watch).count());
	if (count == 0)
		return;
	ereport(
	    NOTICE,
	    (errmsg_plural("%lu message of watch \"%s\" waits and stays, and is sent when it is due",
	                   "%lu messages of watch \"%s\" wait and stay, and are sent when they are due",
	                   count, count, watch.name),
	     has_own_keys(watch)
	         ? errhint("wa_cancel() cancels one that is not to be sent.")
	         : errhint("To cancel them: SELECT wa_cancel(id) FROM whatsapp_messages WHERE status = "
	                   "'PENDING' AND starts_with(idempotency_key, %s).",
	                   quote_literal_cstr(psprintf("%s:", watch.name)))));
}

} // namespace whatsapp::pg
