/*
 * callback_list.cpp — from changes to calls that are owed.
 */
#include "pg/changes/callback_list.hpp"

#include "pg/rows/left_out.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "commands/async.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int changes_at_once = 1000;

OwnTable definitions("whatsapp_callback_definitions");
OwnTable change_queue("whatsapp_change_queue");
OwnTable numbered("whatsapp_changes");

/* Somebody may have dropped the table. */
bool
was_used(OwnTable &table)
{
	return OidIsValid(find_own_table(table)) && has_pages(table);
}

Datum
take_changes(int &count)
{
	static Statement statement = {
	    "SELECT id FROM @s@.whatsapp_change_queue ORDER BY id LIMIT $1", 1, {INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(changes_at_once));
	const Result rows = run_statement(statement, values);
	count = static_cast<int>(rows.count());
	Column ids(rows.count());
	for (uint64 i = 0; i < rows.count(); i++)
		ids.add(Int64GetDatum(rows.int64_at(i, 1)));
	return ids.array(INT8OID);
}

/* Changes were not kept for a while. Who comes with a number from before must get an error: so one
 * number is left out, and a row without a message has the next one. */
void
interrupt_numbers()
{
	static Statement last = {
	    "SELECT seq, message_id IS NULL FROM @s@.whatsapp_changes ORDER BY seq DESC LIMIT 1",
	    0,
	    {}};
	static Statement remove = {"DELETE FROM @s@.whatsapp_changes", 0, {}};
	static Statement mark = {"INSERT INTO @s@.whatsapp_changes (seq) VALUES ($1)", 1, {INT8OID}};
	const Result newest = run_statement(last, Values());
	if (newest.empty() || newest.bool_at(0, 2))
		return;
	const std::int64_t seq = newest.int64_at(0, 1);
	run_statement(remove, Values());
	Values values;
	values.set(0, Int64GetDatum(seq + 2));
	run_statement(mark, values);
}

void
number_changes(const Values &ids)
{
	static Statement number = {
	    "INSERT INTO @s@.whatsapp_changes (seq, message_id, sender, status, changed_at, error_code)"
	    " SELECT coalesce((SELECT c.seq FROM @s@.whatsapp_changes AS c ORDER BY c.seq DESC LIMIT 1), 0)"
	    "   + row_number() OVER (ORDER BY q.id), q.message_id, q.sender, q.status, q.changed_at, q.error_code"
	    " FROM @s@.whatsapp_change_queue AS q WHERE q.id = ANY ($1) ORDER BY q.id",
	    1,
	    {INT8ARRAYOID}};
	static Statement last = {
	    "SELECT seq::text FROM @s@.whatsapp_changes ORDER BY seq DESC LIMIT 1", 0, {}};
	run_statement(number, ids);
	Async_Notify("whatsapp_changes", run_statement(last, Values()).text_at(0, 1));
}

void
owe_calls(const Values &ids)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_callback_calls (callback, message_id, status)"
	    " SELECT d.id, q.message_id, q.status FROM @s@.whatsapp_change_queue AS q"
	    " JOIN @s@.whatsapp_callback_definitions AS d ON d.kind <> 'inbound'"
	    "  AND (d.statuses IS NULL OR q.status = ANY (d.statuses)) AND (d.sender IS NULL OR d.sender = q.sender)"
	    " WHERE q.id = ANY ($1) AND (d.kind = 'status' OR EXISTS (SELECT FROM @s@.whatsapp_watched_messages AS w"
	    "  WHERE w.message_id = q.message_id AND w.watch = d.watch))"
	    " ORDER BY q.id, d.id",
	    1,
	    {INT8ARRAYOID}};
	run_statement(statement, ids);
}

} // namespace

bool
has_callbacks(CallbackKind kind)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_callback_definitions WHERE (kind = 'inbound') = $1 LIMIT 1",
	    1,
	    {BOOLOID}};
	if (!was_used(definitions))
		return false;
	Values values;
	values.set(0, BoolGetDatum(kind == CallbackKind::inbound));
	return !run_statement(statement, values).empty();
}

bool
callbacks_were_made()
{
	return was_used(definitions);
}

void
owe_inbound_calls(std::int64_t inbound_id, const char *sender)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_callback_calls (callback, message_id)"
	    " SELECT d.id, $1 FROM @s@.whatsapp_callback_definitions AS d"
	    " WHERE d.kind = 'inbound' AND (d.sender IS NULL OR d.sender = $2) ORDER BY d.id",
	    2,
	    {INT8OID, TEXTOID}};
	if (!was_used(definitions))
		return;
	Values values;
	values.set(0, Int64GetDatum(inbound_id));
	values.set_text(1, sender);
	run_statement(statement, values);
}

bool
hand_on_changes()
{
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_change_queue WHERE id = ANY ($1)", 1, {INT8ARRAYOID}};
	if (settings.keep_changes == 0 && was_used(numbered))
		interrupt_numbers();
	if (!was_used(change_queue))
		return false;
	int count = 0;
	Values ids;
	ids.set(0, take_changes(count));
	if (count == 0)
		return false;
	if (settings.keep_changes > 0)
		number_changes(ids);
	owe_calls(ids);
	/* what stayed would be handed on again */
	if (run_statement(remove, ids).count() < static_cast<uint64>(count))
		raise_left_out("whatsapp_change_queue");
	return count == changes_at_once;
}

} // namespace whatsapp::pg
