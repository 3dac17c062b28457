/*
 * retention.cpp — a pass goes through a table by the index of its time, a batch a transaction, from
 * where the batch before has ended: what was deleted may stay in the index as long as somebody has
 * an old snapshot, and what may not be deleted must not hold up what is younger.
 */
#include "pg/retention/retention.hpp"

#include <algorithm>

#include "pg/changes/change_log.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int batch_rows = 500;
/* Between two batches: 5,000 rows a second leave the sender its processor and its disk. */
constexpr std::int64_t batch_pause_ms = 100;
/* Between two passes. Rows grow old all the time, but a pass reads what it has to leave alone once
 * more. */
constexpr std::int64_t pass_pause_ms = 60 * 1000;
/* Between two looks at whatsapp_changes. The rows to be deleted are the first ones, so a look costs
 * little. */
constexpr std::int64_t changes_pause_ms = 5000;
constexpr std::int64_t whole_pass_pause_ms = std::int64_t{24} * 3600 * 1000;
/* Rows that a constraint or a trigger of the user's did not let go are tried again then. */
constexpr std::int64_t refused_pause_ms = std::int64_t{3600} * 1000;

struct Retention {
	const char *table;
	const int &keep; /* seconds; 0: for ever */
	/* $1 seconds, $2 and $4 behind which time and row, $3 at most: id, time and place of each, in
	 * the order of time */
	Statement find;
	Statement act;   /* $1 ids */
	Statement also;  /* $1 the same; or without a text */
	Statement apart; /* $1 the same: those that nobody has locked */
	/* act leaves the rows in the table, so that each pass would read all of them again. */
	bool keeps_rows;
	TimestampTz reached = DT_NOBEGIN;
	/* A campaign's messages are all of one time: there a pass goes on by their places. An index has
	 * equal keys in that order, nearly; what is left out for this comes in the next pass. */
	std::uint64_t reached_row = 0;
	uint64 refused = 0; /* in this pass */
	std::int64_t next_whole_pass = 0;
	std::int64_t next = 0;
};

#define OLD_ROWS(table_, time_, condition_)                                    \
	"SELECT o.id, o." time_ ", o.ctid FROM @s@." table_ " AS o WHERE o." time_ \
	" < now() - make_interval(secs => $1) AND o." time_ " >= $2 AND (o." time_ \
	" > $2 OR o.ctid > $4) AND " condition_ " ORDER BY o." time_ " LIMIT $3"
#define FIND_TYPES                                 \
	4,                                             \
	{                                              \
		FLOAT8OID, TIMESTAMPTZOID, INT8OID, TIDOID \
	}
#define ACT_TYPES    \
	1,               \
	{                \
		INT8ARRAYOID \
	}

#define APART(table_)              \
	"SELECT o.id FROM @s@." table_ \
	" AS o WHERE o.id = ANY ($1) ORDER BY o.id FOR UPDATE SKIP LOCKED"

/* The status is asked again by the statement that acts: wa_retry() may come between. */
Retention retentions[] = {
    {"whatsapp_messages",
     settings.keep_messages,
     {OLD_ROWS("whatsapp_messages", "created_at", "o.status <> 'PENDING'"), FIND_TYPES},
     {"DELETE FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.status <> 'PENDING'",
      ACT_TYPES},
     {"DELETE FROM @s@.whatsapp_attempts AS a WHERE a.message_id = ANY ($1)"
      " AND NOT EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = a.message_id)",
      ACT_TYPES},
     {APART("whatsapp_messages"), ACT_TYPES},
     false},
    {"whatsapp_messages",
     settings.keep_bodies,
     {OLD_ROWS("whatsapp_messages", "created_at",
               "o.status <> 'PENDING' AND o.payload IS NOT NULL"),
      FIND_TYPES},
     {"UPDATE @s@.whatsapp_messages AS m SET payload = NULL WHERE m.id = ANY ($1)"
      " AND m.status <> 'PENDING'",
      ACT_TYPES},
     {},
     {APART("whatsapp_messages"), ACT_TYPES},
     true},
    {"whatsapp_events",
     settings.keep_events,
     {OLD_ROWS("whatsapp_events", "received_at",
               "NOT EXISTS (SELECT FROM @s@.whatsapp_event_queue AS q WHERE q.event_id = o.id)"),
      FIND_TYPES},
     {"DELETE FROM @s@.whatsapp_events AS e WHERE e.id = ANY ($1)", ACT_TYPES},
     {},
     {APART("whatsapp_events"), ACT_TYPES},
     false},
    {"whatsapp_inbound",
     settings.keep_inbound,
     {OLD_ROWS("whatsapp_inbound", "received_at", "true"), FIND_TYPES},
     {"DELETE FROM @s@.whatsapp_inbound AS i WHERE i.id = ANY ($1)", ACT_TYPES},
     {},
     {APART("whatsapp_inbound"), ACT_TYPES},
     false},
};

/* A wamid is of the generation of its message, or of a younger one. */
void
retire_wamids()
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_wamids AS w WHERE w.generation"
	    " < (SELECT (min(m.id) >> 18)::integer FROM @s@.whatsapp_messages AS m)",
	    0,
	    {}};
	run_statement(statement, Values());
}

/* Deletes what is noted of watched rows whose messages are gone. */
void
retire_row_links()
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_watched_messages AS w WHERE w.message_id"
	    " < (SELECT min(m.id) FROM @s@.whatsapp_messages AS m)",
	    0,
	    {}};
	static Statement items = {
	    "DELETE FROM @s@.whatsapp_watch_items AS i WHERE i.message_id"
	    " < coalesce((SELECT min(m.id) FROM @s@.whatsapp_messages AS m), 9223372036854775807)",
	    0,
	    {}};
	run_statement(statement, Values());
	run_statement(items, Values());
}

void
act_on_rows(Retention &retention, const Values &ids)
{
	run_statement(retention.act, ids);
	if (retention.also.text != nullptr)
		run_statement(retention.also, ids);
}

/* The ids of so many rows, from a place on, as parameter $1. */
Values
part_of_ids(const Result &rows, uint64 from, uint64 count)
{
	Column ids(count);
	for (uint64 i = from; i < from + count; i++)
		ids.add(Int64GetDatum(rows.int64_at(i, 1)));
	Values values;
	values.set(0, ids.array(INT8OID));
	return values;
}

/* Whether an error concerns the row, as that of a foreign key does. An error that passes, such as a
 * full disk, must fail the whole transaction; but a lock and an object in use belong to the row,
 * too. */
bool
refuses_row(const Problem &problem)
{
	return !problem_passes(problem) || strncmp(problem.sqlstate, "55", 2) == 0;
}

/* Acts by halves, so that a row that may not be deleted keeps back no other one. Returns how many
 * were refused; problem is why the last one was. */
uint64
act_in_parts(Retention &retention, const Result &rows, uint64 from, uint64 count, Problem &problem)
{
	if (count == 0 || shutdown_requested() ||
	    try_body_apart(problem, 0, [&] { act_on_rows(retention, part_of_ids(rows, from, count)); }))
		return 0;
	if (!refuses_row(problem))
		raise_problem(problem);
	if (count == 1)
		return 1;
	const uint64 half = count / 2;
	return act_in_parts(retention, rows, from, half, problem) +
	       act_in_parts(retention, rows, from + half, count - half, problem);
}

/* Writes a line into the log once in a pass. */
void
report_refused_rows(const Retention &retention, uint64 refused, const Problem &problem)
{
	if (refused == 0 || retention.refused > 0)
		return;
	/* a trigger may have put into its message what stands in the row */
	ereport(LOG, (errmsg("old rows of WhatsApp table \"%s\" may not be %s", retention.table,
	                     retention.keeps_rows ? "changed" : "deleted"),
	              errdetail("One of them was refused with SQLSTATE %s; others are not held up.",
	                        problem.sqlstate),
	              errhint("Foreign keys on it can be ON DELETE CASCADE or SET NULL. To see the "
	                      "error, do by hand with one of the oldest rows what is to be done.")));
}

/* Returns how many rows there were. What somebody has locked is left for the next pass. */
uint64
retire_batch(Retention &retention)
{
	/* a deferred constraint would fail at the commit, where nobody could tell for which row */
	static Statement check_at_once = {"SET CONSTRAINTS ALL IMMEDIATE", 0, {}};
	run_statement(check_at_once, Values());
	Values oldest;
	ItemPointerData place = tuple_at(retention.reached_row);
	oldest.set(0, Float8GetDatum(retention.keep));
	oldest.set(1, TimestampTzGetDatum(retention.reached));
	oldest.set(2, Int64GetDatum(batch_rows));
	oldest.set(3, PointerGetDatum(&place));
	const Result rows = run_statement(retention.find, oldest);
	if (rows.empty())
		return 0;
	Problem problem;
	if (!try_body_apart(problem, 0, [&] { act_on_rows(retention, ids_of(rows)); })) {
		if (!refuses_row(problem))
			raise_problem(problem);
		const Result unlocked = run_statement(retention.apart, ids_of(rows));
		const uint64 refused = act_in_parts(retention, unlocked, 0, unlocked.count(), problem);
		report_refused_rows(retention, refused, problem);
		retention.refused += refused;
	}
	retention.reached = rows.int64_at(rows.count() - 1, 2);
	retention.reached_row = address_at(rows, rows.count() - 1, 3);
	return rows.count();
}

/* The next pass begins with the oldest row again. Where old rows were left in the table, and would
 * only be read once more, it does so only once in a while. */
void
begin_next_pass(Retention &retention, std::int64_t now)
{
	const std::int64_t pause = retention.keeps_rows    ? whole_pass_pause_ms
	                           : retention.refused > 0 ? refused_pause_ms
	                                                   : 0;
	if (pause > 0 && retention.next_whole_pass == 0)
		retention.next_whole_pass = now + pause;
	if (now < retention.next_whole_pass)
		return;
	retention.reached = DT_NOBEGIN;
	retention.reached_row = 0;
	retention.refused = 0;
	retention.next_whole_pass = 0;
}

void
retire_rows(Retention &retention, std::int64_t now)
{
	uint64 rows = 0;
	const bool done = run_transaction([&] { rows = retire_batch(retention); });
	if (done && rows == batch_rows) {
		retention.next = now + batch_pause_ms;
		return;
	}
	/* also after a failure, which the log has told */
	retention.next = now + pass_pause_ms;
	if (&retention == &retentions[0]) {
		run_transaction([] { retire_wamids(); });
		run_transaction([] { retire_row_links(); });
	}
	if (done)
		begin_next_pass(retention, now);
}

} // namespace

std::int64_t
retire_old_rows(std::int64_t now)
{
	std::int64_t next = now + pass_pause_ms;
	for (Retention &retention : retentions) {
		if (retention.keep > 0 && now >= retention.next)
			retire_rows(retention, now);
		if (retention.keep > 0)
			next = std::min(next, retention.next);
	}
	static std::int64_t next_changes = 0;
	if (settings.keep_changes > 0 && now >= next_changes) {
		bool more = false;
		run_transaction([&] { more = retire_changes(); });
		next_changes = now + (more ? batch_pause_ms : changes_pause_ms);
	}
	if (settings.keep_changes > 0)
		next = std::min(next, next_changes);
	return next - now;
}

} // namespace whatsapp::pg
