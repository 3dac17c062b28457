/*
 * retention.cpp — a pass goes through a table by the index of its time, a batch a transaction, from
 * where the batch before has ended: what was deleted may stay in the index as long as somebody has
 * an old snapshot.
 */
#include "pg/retention/retention.hpp"

#include <algorithm>

#include "pg/changes/change_log.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
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
/* What is due grows by the second; a pass reads what it has left alone once more. */
constexpr std::int64_t pass_pause_ms = 60 * 1000;
/* Those that go stand first, so that a look costs little. */
constexpr std::int64_t changes_pause_ms = 5000;
constexpr std::int64_t whole_pass_pause_ms = std::int64_t{24} * 3600 * 1000;

struct Retention {
	const int &keep; /* seconds; 0: for ever */
	Statement find;  /* $1 seconds, $2 from when, $3 at most: id and time, in the order of time */
	Statement act;   /* $1 ids */
	Statement also;  /* $1 the same; or without a text */
	Statement apart; /* $1 the same: those that nobody has locked */
	/* Leaves rows where they are, so that a pass would read them all again. */
	bool keeps_rows;
	TimestampTz reached = DT_NOBEGIN;
	std::int64_t next = 0;
};

#define OLD_ROWS(table_, time_, condition_)                                      \
	"SELECT o.id, o." time_ " FROM @s@." table_ " AS o WHERE o." time_           \
	" < now() - make_interval(secs => $1) AND o." time_ " >= $2 AND " condition_ \
	" ORDER BY o." time_ " LIMIT $3"
#define FIND_TYPES                         \
	3,                                     \
	{                                      \
		FLOAT8OID, TIMESTAMPTZOID, INT8OID \
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
    {settings.keep_messages,
     {OLD_ROWS("whatsapp_messages", "created_at", "o.status <> 'PENDING'"), FIND_TYPES},
     {"DELETE FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.status <> 'PENDING'",
      ACT_TYPES},
     {"DELETE FROM @s@.whatsapp_attempts AS a WHERE a.message_id = ANY ($1)"
      " AND NOT EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = a.message_id)",
      ACT_TYPES},
     {APART("whatsapp_messages"), ACT_TYPES},
     false},
    {settings.keep_bodies,
     {OLD_ROWS("whatsapp_messages", "created_at",
               "o.status <> 'PENDING' AND o.payload IS NOT NULL"),
      FIND_TYPES},
     {"UPDATE @s@.whatsapp_messages AS m SET payload = NULL WHERE m.id = ANY ($1)"
      " AND m.status <> 'PENDING'",
      ACT_TYPES},
     {},
     {APART("whatsapp_messages"), ACT_TYPES},
     true},
    {settings.keep_events,
     {OLD_ROWS("whatsapp_events", "received_at",
               "NOT EXISTS (SELECT FROM @s@.whatsapp_event_queue AS q WHERE q.event_id = o.id)"),
      FIND_TYPES},
     {"DELETE FROM @s@.whatsapp_events AS e WHERE e.id = ANY ($1)", ACT_TYPES},
     {},
     {APART("whatsapp_events"), ACT_TYPES},
     false},
    {settings.keep_inbound,
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

/* Of which row a message was: of those that are gone. */
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

/* Returns how many rows there were. careful: what somebody has locked is left for the next pass. */
uint64
retire_batch(Retention &retention, bool careful)
{
	Values oldest;
	oldest.set(0, Float8GetDatum(retention.keep));
	oldest.set(1, TimestampTzGetDatum(retention.reached));
	oldest.set(2, Int64GetDatum(batch_rows));
	const Result rows = run_statement(retention.find, oldest);
	if (rows.empty())
		return 0;
	Values batch = ids_of(rows);
	if (careful)
		batch = ids_of(run_statement(retention.apart, batch));
	run_statement(retention.act, batch);
	if (retention.also.text != nullptr)
		run_statement(retention.also, batch);
	retention.reached = rows.int64_at(rows.count() - 1, 2);
	return rows.count();
}

void
retire(Retention &retention, std::int64_t now)
{
	uint64 rows = 0;
	bool done = transact([&] { rows = retire_batch(retention, false); });
	/* a row for which somebody keeps a transaction open must not keep all the others */
	if (!done && failure_is_lock())
		done = transact([&] { rows = retire_batch(retention, true); });
	if (done && rows == batch_rows) {
		retention.next = now + batch_pause_ms;
		return;
	}
	/* also after a failure, which the log has told: somebody's trigger, or a lock */
	retention.next = now + pass_pause_ms;
	if (&retention == &retentions[0]) {
		transact([] { retire_wamids(); });
		transact([] { retire_row_links(); });
	}
	if (!done)
		return;
	static std::int64_t next_whole_pass = 0;
	if (!retention.keeps_rows || now >= next_whole_pass) {
		retention.reached = DT_NOBEGIN;
		if (retention.keeps_rows)
			next_whole_pass = now + whole_pass_pause_ms;
	}
}

} // namespace

std::int64_t
retire_old_rows(std::int64_t now)
{
	std::int64_t next = now + pass_pause_ms;
	for (Retention &retention : retentions) {
		if (retention.keep > 0 && now >= retention.next)
			retire(retention, now);
		if (retention.keep > 0)
			next = std::min(next, retention.next);
	}
	static std::int64_t next_changes = 0;
	if (settings.keep_changes > 0 && now >= next_changes) {
		bool more = false;
		transact([&] { more = retire_changes(); });
		next_changes = now + (more ? batch_pause_ms : changes_pause_ms);
	}
	if (settings.keep_changes > 0)
		next = std::min(next, next_changes);
	return next - now;
}

} // namespace whatsapp::pg
