/*
 * give_up.cpp — rows are found and locked by one statement, and changed by others. One statement
 * with a WITH would fail where a user has made a rule on the table.
 */
#include "pg/queue/give_up.hpp"

#include "pg/budgets/budgets.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/columns.hpp"

namespace whatsapp::pg
{

namespace
{

/* Without the entries whose message somebody else has locked: the next round takes them, and the
 * others need not wait for the lock. For a message that is gone or has ended there is nothing to
 * wait for. */
Result
without_locked_messages(const Result &entries)
{
	static Statement lock = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.status = 'PENDING'"
	    " ORDER BY m.id FOR UPDATE SKIP LOCKED",
	    1,
	    {INT8ARRAYOID}};
	static Statement left = {
	    "SELECT q.message_id, q.attempts FROM @s@.whatsapp_queue AS q WHERE q.message_id = ANY ($1) AND (q.message_id = ANY ($2)"
	    "  OR NOT EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = q.message_id AND m.status = 'PENDING'))",
	    2,
	    {INT8ARRAYOID, INT8ARRAYOID}};
	Values values = ids_of(entries);
	const Result locked = run_statement(lock, values);
	if (locked.count() == entries.count())
		return entries;
	values.set(1, id_array(locked));
	return run_statement(left, values);
}

} // namespace

std::uint64_t
give_up_entries(const Result &found, const char *message, const char *hint)
{
	static Statement dequeue = {
	    "DELETE FROM @s@.whatsapp_queue WHERE message_id = ANY ($1)", 1, {INT8ARRAYOID}};
	static Statement fail = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'FAILED', failed_at = now(), attempts = a.attempts,"
	    " error_message = $3, hint = $4 FROM unnest($1, $2) AS a (id, attempts)"
	    " WHERE m.id = a.id AND m.status = 'PENDING'",
	    4,
	    {INT8ARRAYOID, INT4ARRAYOID, TEXTOID, TEXTOID}};
	static Statement left = {
	    "SELECT 1 FROM @s@.whatsapp_messages WHERE id = ANY ($1) AND status = 'PENDING' LIMIT 1",
	    1,
	    {INT8ARRAYOID}};
	if (found.empty())
		return 0;
	const Result entries = without_locked_messages(found);
	if (entries.empty())
		return 0;
	Column ids(entries.count());
	Column attempts(entries.count());
	for (uint64 i = 0; i < entries.count(); i++) {
		ids.add(Int64GetDatum(entries.int64_at(i, 1)));
		attempts.add(Int32GetDatum(entries.int32_at(i, 2)));
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, attempts.array(INT4OID));
	values.set_text(2, message);
	values.set_text(3, hint);
	if (run_statement(dequeue, values).count() < entries.count())
		raise_left_out("whatsapp_queue");
	if (run_statement(fail, values).count() < entries.count() &&
	    !run_statement(left, values).empty())
		raise_left_out("whatsapp_messages");
	return entries.count();
}

/* A message that makes the sender crash must not do so for ever: the others have to be sent. */
void
park_poison()
{
	static Statement poison = {
	    "SELECT message_id, attempts FROM @s@.whatsapp_queue WHERE crashes >= 3 ORDER BY message_id"
	    " FOR UPDATE SKIP LOCKED",
	    0,
	    {}};
	(void)give_up_entries(run_statement(poison, Values()),
	                      PARKED ": the sender ended three times while it was sending this message",
	                      "The server log tells why it ended. wa_retry() sends the message again.");
}

} // namespace whatsapp::pg
