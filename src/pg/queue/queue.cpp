/*
 * queue.cpp — turns, what is due, and what nobody answered.
 */
#include "pg/queue/queue.hpp"

#include <cstdint>

#include "pg/budgets/budgets.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/identity/instance.hpp"
#include "pg/queue/give_up.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/columns.hpp"
#include "pg/server/milliseconds.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

void
postpone_messages(const Postponed *rows, std::size_t count)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET due_at = f.due, paced = q.paced OR f.is_turn"
	    " FROM (SELECT r.message_id, w.due, w.is_turn FROM unnest($1, $2, $3) AS w (id, due, is_turn)"
	    "  JOIN @s@.whatsapp_queue AS r ON r.message_id = w.id WHERE r.state = 'ready' FOR UPDATE OF r SKIP LOCKED) AS f"
	    " WHERE q.message_id = f.message_id",
	    3,
	    {INT8ARRAYOID, TIMESTAMPTZARRAYOID, BOOLARRAYOID}};
	Column ids(count);
	Column dues(count);
	Column turns(count);
	for (std::size_t i = 0; i < count; i++) {
		ids.add(Int64GetDatum(rows[i].id));
		dues.add(TimestampTzGetDatum(rows[i].due));
		turns.add(BoolGetDatum(rows[i].is_turn));
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, dues.array(TIMESTAMPTZOID));
	values.set(2, turns.array(BOOLOID));
	run_statement(statement, values);
}

PairTurns
read_pair_turns()
{
	static Statement statement = {
	    "SELECT sender, recipient, priority,"
	    "  coalesce(" MILLISECONDS_UNTIL(
	        "max(due_at) FILTER (WHERE paced AND due_at > now())",
	        "now()") ", 0),"
	                 "  coalesce(min(message_id) FILTER (WHERE attempts > 0), 0),"
	                 "  coalesce(" MILLISECONDS_UNTIL(
	                     "min(due_at) FILTER (WHERE attempts > 0)",
	                     "now()") ", 0)"
	                              " FROM @s@.whatsapp_queue WHERE state = 'ready' AND (paced AND due_at > now() OR attempts > 0)"
	                              " GROUP BY sender, recipient, priority",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	PairTurns found = {nullptr, rows.count()};
	found.rows = static_cast<PairTurn *>(palloc(sizeof(PairTurn) * (found.count + 1)));
	for (std::size_t i = 0; i < found.count; i++) {
		found.rows[i] = {rows.text_at(i, 1),
		                 rows.text_at(i, 2),
		                 static_cast<std::int16_t>(rows.int32_at(i, 3)),
		                 rows.int64_at(i, 4),
		                 rows.int64_at(i, 5),
		                 rows.int64_at(i, 6)};
	}
	return found;
}

std::uint64_t
resolve_unknown(const Instance &instance)
{
	/* Of what an earlier life left, the grace began anew with this one: while the server was down,
	 * no webhook could come. */
	if (instance.held ||
	    !TimestampDifferenceExceeds(instance.began_at, GetCurrentTimestamp(),
	                                static_cast<int>(settings.unknown_grace * 1000)))
		return 0;
	/* auto: "webhooks are flowing" when one came after the outcome was lost and the grace has
	 * passed since, too; the first ones after an outage of the listener come in any order, and the
	 * missing one may be among them. A row that somebody has locked, to delete it for instance, is
	 * taken in the next second: the others need not wait for the lock. */
	static Statement retry = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'ready', due_at = now(), unknown_at = NULL, changed_at = now()"
	    " FROM (SELECT r.message_id FROM @s@.whatsapp_queue AS r"
	    "  WHERE r.unknown_at IS NOT NULL AND r.state = 'unknown' AND r.unknown_at <= now() - make_interval(secs => $1)"
	    "  AND ($2 = 'retry' OR ($2 = 'auto' AND EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.kind = 'status'"
	    "   AND e.received_at > greatest(r.unknown_at, $3) AND e.received_at <= now() - make_interval(secs => $1))))"
	    "  FOR UPDATE OF r SKIP LOCKED) AS f WHERE q.message_id = f.message_id",
	    3,
	    {FLOAT8OID, TEXTOID, TIMESTAMPTZOID}};
	static Statement lost = {
	    "SELECT q.message_id, q.attempts FROM @s@.whatsapp_queue AS q WHERE q.state = 'unknown'"
	    "  AND q.unknown_at <= now() - make_interval(secs => $1)"
	    "  AND ($2 = 'fail' OR ($2 = 'auto' AND NOT EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.kind = 'status'"
	    "   AND e.received_at > greatest(q.unknown_at, $3)))) ORDER BY q.message_id FOR UPDATE OF q SKIP LOCKED",
	    3,
	    {FLOAT8OID, TEXTOID, TIMESTAMPTZOID}};
	static const char *const policies[] = {"auto", "retry", "fail"};
	Values values;
	values.set(0, Float8GetDatum(settings.unknown_grace));
	values.set_text(1, policies[settings.unknown_policy]);
	values.set(2, TimestampTzGetDatum(instance.began_at));
	const std::uint64_t retried = run_statement(retry, values).count();
	const std::uint64_t failed = give_up_entries(
	    run_statement(lost, values),
	    OUTCOME_UNKNOWN ": the request left, no answer and no status webhook came",
	    "Ask the recipient or look into WhatsApp Manager whether it arrived; send it again if not. "
	    "Status webhooks settle this by themselves: see whatsapp.listen.");
	if (failed + retried > 0)
		fault_point(FaultPoint::doubt_resolved);
	return retried;
}

MessageIds
read_sending()
{
	static Statement statement = {
	    "SELECT message_id FROM @s@.whatsapp_queue WHERE state = 'sending'", 0, {}};
	const Result rows = run_statement(statement, Values());
	MessageIds found = {nullptr, rows.count()};
	found.ids = static_cast<std::int64_t *>(palloc(sizeof(std::int64_t) * (found.count + 1)));
	for (std::size_t i = 0; i < found.count; i++)
		found.ids[i] = rows.int64_at(i, 1);
	return found;
}

std::uint64_t
doubt_messages(const MessageIds &messages)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'unknown', unknown_at = now(), changed_at = now()"
	    " FROM (SELECT r.message_id FROM unnest($1) AS w (id)"
	    "  JOIN @s@.whatsapp_queue AS r ON r.message_id = w.id WHERE r.state = 'sending' FOR UPDATE OF r SKIP LOCKED) AS marked"
	    " WHERE q.message_id = marked.message_id",
	    1,
	    {INT8ARRAYOID}};
	Column ids(messages.count);
	for (std::size_t i = 0; i < messages.count; i++)
		ids.add(Int64GetDatum(messages.ids[i]));
	Values values;
	values.set(0, ids.array(INT8OID));
	return run_statement(statement, values).count();
}

std::uint64_t
expire_messages()
{
	/* a minute later than the sender itself would notice it; a limited number at a time, since all
	 * of them are written by one commit */
	static Statement over = {"SELECT message_id, attempts FROM @s@.whatsapp_queue"
	                         " WHERE state = 'ready' AND expires_at <= now() - interval '1 minute'"
	                         " LIMIT 10000 FOR UPDATE SKIP LOCKED",
	                         0,
	                         {}};
	return give_up_entries(
	    run_statement(over, Values()), "expired: the message was not sent within its time",
	    "See whatsapp_senders for a sender that is paused, disabled or gone, and "
	    "whatsapp.default_ttl.");
}

std::int64_t
next_due_ms()
{
	static Statement statement = {
	    "SELECT " MILLISECONDS_UNTIL(
	        "min(first.due_at)",
	        "clock_timestamp()") " FROM ("
	                             "    SELECT name FROM @s@.whatsapp_senders WHERE enabled UNION SELECT 'default'"
	                             "  ) AS active CROSS JOIN generate_series(0, 2) AS p (priority) CROSS JOIN LATERAL ("
	                             "    SELECT q.due_at FROM @s@.whatsapp_queue AS q"
	                             "    WHERE q.sender = active.name AND q.priority = p.priority AND q.due_at > now() AND q.state = 'ready'"
	                             "    ORDER BY q.due_at LIMIT 1) AS first",
	    0,
	    {}};
	const Result due = run_statement(statement, Values());
	return due.is_null(0, 1) ? -1 : Max(due.int64_at(0, 1), 0);
}

} // namespace whatsapp::pg
