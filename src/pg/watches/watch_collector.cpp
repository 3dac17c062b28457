/*
 * watch_collector.cpp — a group of items, which are of one watch and one recipient or one key,
 * becomes one message. The items are taken and the message is enqueued in one transaction: after a
 * crash it is both or neither.
 */
#include "pg/watches/watch_collector.hpp"

#include "pg/identity/instance.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/milliseconds.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"
#include "pg/watches/collected_message.hpp"
#include "pg/watches/watch_errors.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* The time between two looks when nothing waits, and when something does. */
constexpr std::int64_t idle_ms = 5000;
constexpr std::int64_t look_ms = 1000;
/* One turn takes so long at most: the reader has other work, too. */
constexpr std::int64_t turn_ms = 200;

#define WAITING(item) item ".message_id IS NULL AND NOT " item ".held"

/* Only items that are locked here are taken: others of the group may be committed meanwhile. An
 * item that somebody else has locked, to delete it for instance, is left out. */
Datum
lock_group(const char *watch, const char *group_key, bool &any)
{
	static Statement statement = {
	    "SELECT array_agg(l.id ORDER BY l.id) FROM (SELECT i.id FROM @s@.whatsapp_watch_items AS i"
	    " WHERE i.watch = $1 AND i.group_key = $2 AND " WAITING(
	        "i") " ORDER BY i.id FOR UPDATE SKIP LOCKED) AS l",
	    2,
	    {TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, watch);
	values.set_text(1, group_key);
	const Result found = run_statement(statement, values);
	any = !found.is_null(0, 1);
	return any ? found.datum_at(0, 1, INT8ARRAYOID) : Datum(0);
}

/* Deletes items of rows that were announced before: with a digest, too, a row is announced once. */
void
drop_repeats(Datum ids)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_watch_items AS i WHERE i.id = ANY ($1) AND i.separator IS NOT NULL"
	    " AND i.idempotency_key IS NOT NULL AND (EXISTS (SELECT FROM @s@.whatsapp_watch_items AS o"
	    "   WHERE o.idempotency_key = i.idempotency_key AND o.sender = i.sender AND o.enqueued_by = i.enqueued_by"
	    "    AND o.separator IS NOT NULL AND (o.message_id IS NOT NULL OR o.id < i.id))"
	    "  OR EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.sender = i.sender"
	    "   AND m.idempotency_key = i.idempotency_key AND m.enqueued_by = i.enqueued_by))",
	    1,
	    {INT8ARRAYOID}};
	Values values;
	values.set(0, ids);
	(void)run_statement(statement, values);
}

/* When the group is due: with debounce, when no change has come for so long, or the first one has
 * waited long enough; with a digest, when the first one has waited, but not before the recipient
 * may get another message, and never while the previous one stands in the queue. */
bool
is_due(Datum ids, TimestampTz &due)
{
	static Statement statement = {
	    "SELECT due.at, due.at <= clock_timestamp() FROM (SELECT CASE WHEN g.is_digest"
	    " THEN greatest(g.first_due, p.next_at, CASE WHEN p.waits THEN now() + interval '30 seconds' END)"
	    " ELSE least(g.last_due, g.latest_at) END AS at"
	    " FROM (SELECT bool_or(i.separator IS NOT NULL) AS is_digest, min(i.due_at) AS first_due,"
	    "  (array_agg(i.due_at ORDER BY i.id DESC))[1] AS last_due, min(i.latest_at) AS latest_at, min(i.watch) AS watch,"
	    "  min(i.group_key) AS group_key FROM @s@.whatsapp_watch_items AS i WHERE i.id = ANY ($1)) AS g"
	    " LEFT JOIN LATERAL (SELECT o.next_at, EXISTS (SELECT FROM @s@.whatsapp_queue AS q"
	    "   WHERE q.message_id = o.message_id AND q.state <> 'held') AS waits"
	    "  FROM @s@.whatsapp_watch_items AS o WHERE o.watch = g.watch AND o.group_key = g.group_key"
	    "   AND o.message_id IS NOT NULL ORDER BY o.message_id DESC LIMIT 1) AS p ON g.is_digest) AS due"
	    " WHERE due.at IS NOT NULL",
	    1,
	    {INT8ARRAYOID}};
	Values values;
	values.set(0, ids);
	const Result found = run_statement(statement, values);
	if (found.empty())
		return false;
	due = found.int64_at(0, 1);
	return found.bool_at(0, 2);
}

void
postpone_items(Datum ids, TimestampTz due)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_watch_items AS i SET due_at = $2 WHERE i.id = ANY ($1) AND i.due_at < $2",
	    2,
	    {INT8ARRAYOID, TIMESTAMPTZOID}};
	Values values;
	values.set(0, ids);
	values.set(1, TimestampTzGetDatum(due));
	/* else it would be due again at once */
	if (run_statement(statement, values).empty())
		raise_left_out("whatsapp_watch_items");
}

void
collect_group(const char *watch, const char *group_key)
{
	bool any = false;
	const Datum ids = lock_group(watch, group_key, any);
	if (!any)
		return;
	drop_repeats(ids);
	TimestampTz due = 0;
	if (is_due(ids, due) && make_collected_message(watch, ids, due))
		return;
	if (due != 0)
		postpone_items(ids, due);
}

/* The group failed, because of a user's trigger on our tables for instance. It is put off, so that
 * the others need not wait for it. */
void
note_failure(const char *watch, const char *group_key, const Problem &why)
{
	static Statement find_name = {
	    "SELECT d.name FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1", 1, {TEXTOID}};
	Problem problem;
	const bool postponed = try_body_apart(problem, 0, [&] {
		bool any = false;
		const Datum ids = lock_group(watch, group_key, any);
		if (any)
			postpone_items(ids, GetCurrentTimestamp() + USECS_PER_MINUTE);
	});
	if (!postponed)
		raise_problem(why);
	Values values;
	values.set_text(0, watch);
	const Result found = run_statement(find_name, values);
	if (found.empty())
		return;
	WatchDefinition definition = {};
	definition.name = found.text_at(0, 1);
	WatchTrouble trouble = {1, why, "", false};
	strlcpy(trouble.first_row, group_key, sizeof trouble.first_row);
	record_trouble(definition, WatchEvent::inserted, trouble);
}

} // namespace

bool
collect_next_group()
{
	static Statement statement = {
	    "SELECT i.watch, i.group_key FROM @s@.whatsapp_watch_items AS i WHERE " WAITING(
	        "i") " AND i.due_at <= clock_timestamp() ORDER BY i.due_at LIMIT 1 FOR UPDATE SKIP LOCKED",
	    0,
	    {}};
	const Result found = run_statement(statement, Values());
	if (found.empty())
		return false;
	const char *watch = found.text_at(0, 1);
	const char *group_key = found.text_at(0, 2);
	Problem problem;
	if (!try_body_apart(problem, 0, [&] { collect_group(watch, group_key); }))
		note_failure(watch, group_key, problem);
	return true;
}

namespace
{

std::int64_t
next_due_ms()
{
	static Statement statement = {
	    "SELECT " MILLISECONDS_UNTIL("d.due_at", "clock_timestamp()") " FROM (SELECT i.due_at FROM @s@.whatsapp_watch_items AS i WHERE " WAITING(
	        "i") " ORDER BY i.due_at LIMIT 1) AS d",
	    0,
	    {}};
	const Result found = run_statement(statement, Values());
	return found.empty() ? -1 : found.int64_at(0, 1);
}

struct CollectorTurn {
	bool more = false;
	std::int64_t next = idle_ms;
};

/* A copy of the database sends nothing until wa_release(). */
void
take_collector_turn(CollectorTurn &turn)
{
	const std::int64_t first = next_due_ms();
	if (first < 0 || instance_is_held())
		return;
	const std::int64_t begin = monotonic_ms();
	turn.more = first == 0;
	while (turn.more && monotonic_ms() - begin < turn_ms) {
		CHECK_FOR_INTERRUPTS();
		turn.more = collect_next_group();
	}
	turn.next = look_ms;
	const std::int64_t next = next_due_ms();
	/* 0: what is due was locked by somebody */
	if (next > 0 && next < look_ms)
		turn.next = next;
}

} // namespace

std::int64_t
collect_watch_items(std::int64_t now)
{
	static std::int64_t next_look = 0;
	if (now < next_look)
		return next_look - now;
	CollectorTurn turn;
	/* also after a failure, which the log has told */
	if (!run_transaction([&] { take_collector_turn(turn); }))
		turn = CollectorTurn();
	next_look = now + (turn.more ? 1 : turn.next);
	return next_look - now;
}

} // namespace whatsapp::pg
