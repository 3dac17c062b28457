/*
 * callback.cpp — registered, paused, removed; and whose turn it is.
 */
#include "pg/callbacks/callback.hpp"

#include "pg/identity/kept_role.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/milliseconds.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

bool
is_taken(const char *name)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_callback_definitions WHERE name = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, name);
	return !run_statement(statement, values).empty();
}

const char *
unused_name(const char *stem)
{
	const char *name = stem;
	for (int number = 2; is_taken(name); number++)
		name = psprintf("%s_%d", stem, number);
	return name;
}

Datum
settings_array(const NewCallback &callback)
{
	Column settings(static_cast<std::size_t>(callback.setting_count));
	for (int i = 0; i < callback.setting_count; i++)
		settings.add(CStringGetTextDatum(callback.settings[i]));
	return settings.array(TEXTOID);
}

std::int64_t
find_callback(const char *name, bool &of_watch)
{
	static Statement statement = {
	    "SELECT id, watch IS NOT NULL FROM @s@.whatsapp_callback_definitions"
	    " WHERE name = $1 FOR UPDATE",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, name);
	const Result found = run_statement(statement, values);
	of_watch = !found.empty() && found.bool_at(0, 2);
	return found.empty() ? 0 : found.int64_at(0, 1);
}

} // namespace

const char *
insert_callback(const NewCallback &callback)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_callback_definitions"
	    " (name, kind, function, function_owner, statuses, sender, owner, settings, owner_number,"
	    "  function_owner_number)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    10,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID,
	     TEXTOID}};
	if (callback.name != nullptr && is_taken(callback.name))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
		                errmsg("callback \"%s\" already exists", callback.name),
		                errhint("End it by wa_callback_remove(), or give another name.")));
	const char *name = callback.name != nullptr ? callback.name : unused_name(callback.stem);
	Values values;
	values.set_text(0, name);
	values.set_text(1, callback.inbound ? "inbound" : "status");
	values.set_text(2, callback.function);
	values.set_text(3, callback.function_owner);
	if (callback.has_statuses)
		values.set(4, callback.statuses);
	values.set_text(5, callback.sender);
	values.set_text(6, callback.owner);
	values.set(7, settings_array(callback));
	values.set_text(8, callback.owner_number);
	values.set_text(9, callback.function_owner_number);
	(void)run_statement(statement, values);
	return name;
}

void
require_callback_right(Oid role, unsigned levels, const char *name)
{
	static Statement statement = {
	    "SELECT sender, owner, owner_number FROM @s@.whatsapp_callback_definitions WHERE name = $1",
	    1,
	    {TEXTOID}};
	if (has_sender_right(role, levels, nullptr))
		return;
	Values values;
	values.set_text(0, name);
	const Result found = run_statement(statement, values);
	const Oid owner =
	    found.empty() ? InvalidOid : find_kept_role(found.text_at(0, 2), found.text_at(0, 3));
	if (OidIsValid(owner) && has_privs_of_role(role, owner) &&
	    has_sender_right(role, levels, found.text_at(0, 1)))
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("permission denied for callback \"%s\"", name),
	     errhint("Role \"%s\" has rights for some senders only, and to callbacks of these that it "
	             "has made.",
	             GetUserNameFromId(role, true))));
}

bool
remove_callback(const char *name)
{
	static Statement calls = {
	    "DELETE FROM @s@.whatsapp_callback_calls WHERE callback = $1", 1, {INT8OID}};
	static Statement definition = {
	    "DELETE FROM @s@.whatsapp_callback_definitions WHERE id = $1", 1, {INT8OID}};
	bool of_watch;
	const std::int64_t id = find_callback(name, of_watch);
	if (id == 0)
		return false;
	if (of_watch)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_IN_USE), errmsg("callback \"%s\" belongs to a watch", name),
		         errhint("wa_unwatch() ends both; wa_callback_pause() stops it.")));
	Values values;
	values.set(0, Int64GetDatum(id));
	(void)run_statement(calls, values);
	(void)run_statement(definition, values);
	return true;
}

bool
pause_callback(const char *name)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_callback_definitions SET paused = true WHERE id = $1", 1, {INT8OID}};
	bool of_watch;
	const std::int64_t id = find_callback(name, of_watch);
	Values values;
	values.set(0, Int64GetDatum(id));
	if (id != 0)
		(void)run_statement(statement, values);
	return id != 0;
}

bool
resume_callback(const char *name)
{
	static Statement definition = {
	    "UPDATE @s@.whatsapp_callback_definitions SET paused = false, failures = 0, resting_until = NULL"
	    " WHERE id = $1",
	    1,
	    {INT8OID}};
	static Statement calls = {
	    "UPDATE @s@.whatsapp_callback_calls SET due_at = now() WHERE callback = $1 AND due_at > now()",
	    1,
	    {INT8OID}};
	bool of_watch;
	const std::int64_t id = find_callback(name, of_watch);
	if (id == 0)
		return false;
	Values values;
	values.set(0, Int64GetDatum(id));
	(void)run_statement(definition, values);
	(void)run_statement(calls, values);
	wake_reader_at_commit();
	return true;
}

bool
find_due_callback(std::int64_t last, Callback &callback, MemoryContext memory)
{
	static Statement statement = {
	    "SELECT d.id, d.name, d.kind = 'inbound', d.function, d.function_owner, d.watch, d.owner, d.settings, d.failures, d.owner_number,"
	    " d.function_owner_number"
	    " FROM @s@.whatsapp_callback_definitions AS d"
	    " WHERE NOT d.paused AND (d.resting_until IS NULL OR d.resting_until <= now()) AND EXISTS"
	    "  (SELECT FROM @s@.whatsapp_callback_calls AS q WHERE q.callback = d.id AND q.due_at <= now())"
	    " ORDER BY d.id <= $1, d.id LIMIT 1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(last));
	const Result found = run_statement(statement, values);
	if (found.empty())
		return false;
	MemoryContext before = MemoryContextSwitchTo(memory);
	callback.id = found.int64_at(0, 1);
	callback.name = found.text_at(0, 2);
	callback.inbound = found.bool_at(0, 3);
	callback.function = found.text_at(0, 4);
	callback.function_owner = found.text_at(0, 5);
	callback.watch = found.text_at(0, 6);
	callback.owner = found.text_at(0, 7);
	Datum *elements;
	bool *nulls;
	deconstruct_array(DatumGetArrayTypeP(found.datum_at(0, 8, TEXTARRAYOID)), TEXTOID, -1, false,
	                  TYPALIGN_INT, &elements, &nulls, &callback.setting_count);
	auto **settings = static_cast<const char **>(
	    palloc(sizeof(char *) * static_cast<Size>(callback.setting_count + 1)));
	for (int i = 0; i < callback.setting_count; i++)
		settings[i] = nulls[i] ? "" : TextDatumGetCString(elements[i]);
	callback.settings = settings;
	callback.failures = found.int32_at(0, 9);
	callback.owner_number = found.text_at(0, 10);
	callback.function_owner_number = found.text_at(0, 11);
	MemoryContextSwitchTo(before);
	return true;
}

std::int64_t
next_callback_due()
{
	static Statement statement = {
	    "SELECT " MILLISECONDS_UNTIL("min(greatest(c.due_at, d.resting_until))",
	                                 "clock_timestamp()") //
	    " FROM @s@.whatsapp_callback_definitions AS d CROSS JOIN LATERAL"
	    "  (SELECT q.due_at FROM @s@.whatsapp_callback_calls AS q WHERE q.callback = d.id"
	    "   ORDER BY q.due_at LIMIT 1) AS c WHERE NOT d.paused",
	    0,
	    {}};
	const Result due = run_statement(statement, Values());
	return due.is_null(0, 1) ? -1 : Max(due.int64_at(0, 1), 0);
}

} // namespace whatsapp::pg
