/*
 * watch_errors.cpp — a row for each statement with an error. A statement only inserts: if it
 * counted in an existing row, every transaction with an error would wait for the one before.
 */
#include "pg/watches/watch_errors.hpp"

#include "pg/server/columns.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

Statement insert_error = {
    "INSERT INTO @s@.whatsapp_watch_errors (watch, event, sqlstate, message, first_row, rows)"
    " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    6,
    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID}};

constexpr int errors_between_sums = 100;

/* The first error of a watch and its latest ones stay; those between become one row that has their
 * sum. Rows that somebody else has locked are left out. */
void
sum_up_errors(const WatchDefinition &watch)
{
	static Statement middle = {
	    "SELECT e.id FROM @s@.whatsapp_watch_errors AS e WHERE e.watch = $1"
	    " AND e.id > (SELECT min(f.id) FROM @s@.whatsapp_watch_errors AS f WHERE f.watch = $1)"
	    " ORDER BY e.id DESC OFFSET 20 FOR UPDATE SKIP LOCKED",
	    1,
	    {TEXTOID}};
	static Statement sum = {
	    "SELECT max(e.id), sum(e.rows)::bigint FROM @s@.whatsapp_watch_errors AS e WHERE e.id = ANY ($1)",
	    1,
	    {INT8ARRAYOID}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_watch_errors AS e WHERE e.id = ANY ($1) AND e.id <> $2",
	    2,
	    {INT8ARRAYOID, INT8OID}};
	static Statement set_sum = {
	    "UPDATE @s@.whatsapp_watch_errors AS e SET rows = $2 WHERE e.id = $1",
	    2,
	    {INT8OID, INT8OID}};
	Values values;
	values.set_text(0, watch.name);
	const Result found = run_statement(middle, values);
	if (found.count() < 2)
		return;
	Column ids(found.count());
	for (uint64 i = 0; i < found.count(); i++)
		ids.add(Int64GetDatum(found.int64_at(i, 1)));
	Values many;
	many.set(0, ids.array(INT8OID));
	const Result total = run_statement(sum, many);
	Values removed;
	removed.set(0, ids.array(INT8OID));
	removed.set(1, Int64GetDatum(total.int64_at(0, 1)));
	(void)run_statement(remove, removed);
	Values summed;
	summed.set(0, Int64GetDatum(total.int64_at(0, 1)));
	summed.set(1, Int64GetDatum(total.int64_at(0, 2)));
	(void)run_statement(set_sum, summed);
}

void
insert_trouble(const WatchDefinition &watch, WatchEvent event, const WatchTrouble &trouble)
{
	SPI_connect();
	Values values;
	values.set_text(0, watch.name);
	values.set_text(1, watch_event_name(event));
	values.set_text(2, trouble.problem.sqlstate);
	values.set_text(3, trouble.problem.message);
	values.set_text(4, trouble.first_row);
	values.set(5, Int64GetDatum(trouble.rows));
	const Result inserted = run_statement(insert_error, values);
	if (!inserted.empty() && inserted.int64_at(0, 1) % errors_between_sums == 0) {
		Problem problem;
		(void)try_body_apart(problem, 0, [&] { sum_up_errors(watch); });
	}
	SPI_finish();
}

} // namespace

bool
somebody_cancels(const Problem &problem)
{
	if (!problem_is_cancel(problem))
		return false;
	return StatementTimeout <= 0 ||
	       get_timeout_finish_time(STATEMENT_TIMEOUT) > GetCurrentTimestamp();
}

bool
ends_the_attempts(const Problem &problem)
{
	return problem_is_cancel(problem) || strcmp(problem.sqlstate, "40P01") == 0 ||
	       (LockTimeout > 0 && strcmp(problem.sqlstate, "55P03") == 0);
}

void
forget_watch_errors(const char *watch_name)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_watch_errors AS e WHERE e.watch = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, watch_name);
	(void)run_statement(statement, values);
}

void
record_trouble(const WatchDefinition &watch, WatchEvent event, const WatchTrouble &trouble)
{
	Problem problem;
	if (try_body_apart(problem, 0, [&] { insert_trouble(watch, event, trouble); }))
		return;
	ereport(WARNING, (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
	                  errmsg("WhatsApp watch \"%s\" announced nothing of " INT64_FORMAT " rows",
	                         watch.name, trouble.rows),
	                  errdetail("SQLSTATE %s; when it was to be recorded: SQLSTATE %s.",
	                            trouble.problem.sqlstate, problem.sqlstate),
	                  errhint("See the tables of the extension.")));
}

} // namespace whatsapp::pg
