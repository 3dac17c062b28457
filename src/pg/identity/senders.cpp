/*
 * senders.cpp — whatsapp_senders and whatsapp_accounts, read and paused.
 */
#include "pg/identity/senders.hpp"

#include "pg/server/settings.hpp"
#include "pg/rows/table_stamp.hpp"

#include "pg/server/milliseconds.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

SenderRows
read_senders(MemoryContextData *memory)
{
	static Statement statement = {
	    "SELECT s.name, s.phone_number_id, s.account, a.api_version, a.api_base_url,"
	    "  coalesce(s.messages_per_second, $1),"
	    "  coalesce(" MILLISECONDS_OF(
	        "s.pair_interval") ", $2), coalesce(s.pair_burst, $3),"
	                           "  s.enabled, s.paused_reason IS NOT NULL,"
	                           "  coalesce(" MILLISECONDS_UNTIL(
	                               "s.paused_until",
	                               "now()") ", 0)"
	                                        " FROM @s@.whatsapp_senders AS s LEFT JOIN @s@.whatsapp_accounts AS a ON a.name = s.account"
	                                        " UNION ALL SELECT 'default', NULL, NULL, NULL, NULL, $1, $2, $3, true, false, 0"
	                                        " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = 'default')",
	    3,
	    {INT4OID, INT8OID, INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(settings.messages_per_second));
	values.set(1, Int64GetDatum(settings.pair_interval));
	values.set(2, Int32GetDatum(settings.pair_burst));
	const Result rows = run_statement(statement, values);
	SenderRows found = {nullptr, rows.count()};

	MemoryContext before = MemoryContextSwitchTo(memory);
	found.rows = static_cast<SenderRow *>(palloc(sizeof(SenderRow) * (found.count + 1)));
	for (std::size_t i = 0; i < found.count; i++) {
		found.rows[i] = {rows.text_at(i, 1),  rows.text_at(i, 2),  rows.text_at(i, 3),
		                 rows.text_at(i, 4),  rows.text_at(i, 5),  rows.int32_at(i, 6),
		                 rows.int64_at(i, 7), rows.int32_at(i, 8), rows.bool_at(i, 9),
		                 rows.bool_at(i, 10), rows.int64_at(i, 11)};
	}
	MemoryContextSwitchTo(before);
	return found;
}

void
drop_unchanged_default_sender()
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_senders AS s WHERE s.name = 'default' AND s.enabled AND s.pauses = 0 AND"
	    " (s.account, s.phone_number_id, s.display_number, s.messages_per_second, s.pair_interval, s.pair_burst,"
	    "  s.paused_until, s.paused_reason, s.paused_hint, s.display_name, s.name_status, s.quality,"
	    "  s.messaging_limit, s.throughput_level, s.number_event, s.number_event_at) IS NULL",
	    0,
	    {}};
	run_statement(statement, Values());
}

bool
senders_changed()
{
	static TableStamp stamps[] = {TableStamp("whatsapp_instances"), TableStamp("whatsapp_senders"),
	                              TableStamp("whatsapp_accounts")};
	bool changed = false;
	for (TableStamp &stamp : stamps)
		changed |= has_changed(stamp);
	return changed;
}

void
pause_sender(const char *name, std::int64_t delay_ms, const char *reason, const char *hint)
{
	/* two statements, for ON CONFLICT is an error where a user has made a rule */
	static Statement change = {
	    "UPDATE @s@.whatsapp_senders AS s"
	    " SET paused_until = now() + least(make_interval(secs => 900), make_interval(secs => $2 * 2 ^ least(s.pauses, 10))),"
	    "  paused_reason = $3, paused_hint = $4, pauses = s.pauses + 1"
	    " WHERE s.name = $1 AND (s.paused_until IS NULL OR s.paused_until <= now())",
	    4,
	    {TEXTOID, FLOAT8OID, TEXTOID, TEXTOID}};
	static Statement make = {
	    "INSERT INTO @s@.whatsapp_senders (name, paused_until, paused_reason, paused_hint, pauses)"
	    " SELECT $1, now() + make_interval(secs => $2), $3, $4, 1"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_senders AS s WHERE s.name = $1)",
	    4,
	    {TEXTOID, FLOAT8OID, TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, name);
	values.set(1, Float8GetDatum(static_cast<double>(delay_ms) / 1000));
	values.set_text(2, reason);
	values.set_text(3, hint);
	if (!run_statement(change, values).empty() || !run_statement(make, values).empty())
		ereport(LOG,
		        (errmsg("WhatsApp sender \"%s\" pauses: %s", name, reason), errhint("%s", hint)));
}

void
end_pauses_of(const char *const *names, std::size_t count)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders SET paused_until = NULL, paused_reason = NULL, paused_hint = NULL, pauses = 0"
	    " WHERE name = ANY ($1) AND paused_reason IS NOT NULL AND (paused_until IS NULL OR paused_until <= now())",
	    1,
	    {TEXTARRAYOID}};
	if (count == 0)
		return;
	auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * count));
	for (std::size_t i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(names[i]);
	Values values;
	values.set(0, PointerGetDatum(construct_array(elements, static_cast<int>(count), TEXTOID, -1,
	                                              false, TYPALIGN_INT)));
	run_statement(statement, values);
}

void
probe_paused()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders SET paused_until = now() WHERE paused_until > now() AND paused_reason IS NOT NULL",
	    0,
	    {}};
	run_statement(statement, Values());
}

bool
resume_sender(const char *sender)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders SET paused_until = NULL, paused_reason = NULL, paused_hint = NULL, pauses = 0"
	    " WHERE name = $1 AND (paused_until IS NOT NULL OR paused_reason IS NOT NULL)",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	return !run_statement(statement, values).empty();
}

} // namespace whatsapp::pg
