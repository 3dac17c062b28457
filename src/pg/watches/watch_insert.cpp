/*
 * watch_insert.cpp — a watch that is changed is another one, with a key of its own.
 */
#include "pg/watches/watch_insert.hpp"

#include "pg/changes/watch_callback.hpp"
#include "pg/identity/kept_role.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

Datum
text_array(const char *const *values, int count)
{
	auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * (count + 1)));
	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(values[i]);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Statement insert_definition = {
    "INSERT INTO @s@.whatsapp_watch_definitions (key, name, relation, relation_name, home, owner, events, template,"
    " parameters, phone, condition, sender, language, reference, idempotency_key, send_at, expires_at, priority,"
    " on_error, max_rows, replicated, settings, due, status_column, owner_number)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
    25,
    {TEXTOID, TEXTOID, OIDOID,  TEXTOID,      TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID,
     TEXTOID, TEXTOID, TEXTOID, TEXTOID,      TEXTOID, TEXTOID, TEXTOID,      TEXTOID, TEXTOID,
     TEXTOID, INT8OID, BOOLOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID}};

Datum
interval_of(std::int64_t microseconds)
{
	auto *interval = static_cast<Interval *>(palloc0(sizeof(Interval)));
	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

/* What most watches have nothing of. */
void
insert_options(const WatchDefinition &watch)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_watch_definitions AS d SET send_window = $2, time_zone = $3, debounce = $4, max_wait = $5,"
	    " digest = $6, separator = $7, body = $8, language_fallback = $9 WHERE d.key = $1",
	    9,
	    {TEXTOID, TEXTOID, TEXTOID, INTERVALOID, INTERVALOID, INTERVALOID, TEXTOID, TEXTOID,
	     BOOLOID}};
	if (watch.send_window == nullptr && watch.time_zone == nullptr && !collects_rows(watch) &&
	    watch.body == nullptr && !watch.language_fallback)
		return;
	Values values;
	values.set_text(0, watch.key);
	values.set_text(1, watch.send_window);
	values.set_text(2, watch.time_zone);
	if (watch.debounce > 0)
		values.set(3, interval_of(watch.debounce));
	if (watch.max_wait > 0)
		values.set(4, interval_of(watch.max_wait));
	if (watch.digest > 0)
		values.set(5, interval_of(watch.digest));
	values.set_text(6, watch.separator);
	values.set_text(7, watch.body);
	values.set(8, BoolGetDatum(watch.language_fallback));
	(void)run_statement(statement, values);
}

/* A name is free again when the table of its watch is gone. */
void
free_watch_name(const char *name, Oid trigger_function)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_watch_definitions AS d WHERE d.name = $1 AND NOT EXISTS"
	    " (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = $2 AND t.tgargs ="
	    "  pg_catalog.convert_to(d.key, pg_catalog.getdatabaseencoding()) OPERATOR(pg_catalog.||) pg_catalog.decode('00', 'hex'))",
	    2,
	    {TEXTOID, OIDOID}};
	static Statement taken = {
	    "SELECT d.relation_name FROM @s@.whatsapp_watch_definitions AS d WHERE d.name = $1",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, name);
	values.set(1, ObjectIdGetDatum(trigger_function));
	(void)run_statement(statement, values);
	Values asked;
	asked.set_text(0, name);
	const Result found = run_statement(taken, asked);
	if (!found.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("watch \"%s\" already exists", name),
		         errdetail("It is of table %s.", found.text_at(0, 1)),
		         errhint("End it by wa_unwatch(), or give another name.")));
}

} // namespace

const char *
unused_watch_name(const char *relation)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_watch_definitions AS d WHERE d.name = $1", 1, {TEXTOID}};
	constexpr int longest = 40;
	const char *stem = pnstrdup(
	    relation,
	    static_cast<Size>(pg_mbcliplen(relation, static_cast<int>(strlen(relation)), longest)));
	const char *name = stem;
	for (int number = 2;; number++) {
		Values values;
		values.set_text(0, name);
		if (run_statement(statement, values).empty())
			return name;
		name = psprintf("%s_%d", stem, number);
	}
}

void
insert_watch(const WatchDefinition &watch, const char *relation_name, Oid trigger_function)
{
	free_watch_name(watch.name, trigger_function);
	const char *events[watch_event_count];
	int event_count = 0;
	for (const WatchEvent event : all_watch_events)
		if (watch.on[static_cast<int>(event)])
			events[event_count++] = watch_event_name(event);
	Values values;
	values.set_text(0, watch.key);
	values.set_text(1, watch.name);
	values.set(2, ObjectIdGetDatum(watch.relation));
	values.set_text(3, relation_name);
	values.set_text(4, this_home());
	values.set_text(5, watch.owner);
	values.set(6, text_array(events, event_count));
	values.set_text(7, watch.template_name);
	values.set(8, text_array(watch.parameters, watch.parameter_count));
	const char *const texts[] = {watch.phone,    watch.condition,  watch.sender,
	                             watch.language, watch.reference,  watch.idempotency_key,
	                             watch.send_at,  watch.expires_at, watch.priority};
	for (int i = 0; i < static_cast<int>(lengthof(texts)); i++)
		values.set_text(9 + i, texts[i]);
	values.set_text(18, watch.rejects ? "reject" : "record");
	values.set(19, Int64GetDatum(watch.max_rows));
	values.set(20, BoolGetDatum(watch.replicated));
	values.set(21, text_array(watch.settings, watch.setting_count));
	values.set_text(22, watch.due);
	values.set_text(23, watch.status_column);
	values.set_text(24, watch.owner_number);
	(void)run_statement(insert_definition, values);
	insert_options(watch);
	remove_watch_callbacks();
	if (watch.status_column != nullptr)
		add_watch_callback({watch.key, psprintf("%s.%s", watch.name, watch.status_column),
		                    watch.owner, watch.owner_number,
		                    text_array(watch.settings, watch.setting_count)});
}

void
delete_watch(const char *key)
{
	static Statement errors = {
	    "DELETE FROM @s@.whatsapp_watch_errors AS e WHERE e.watch IN"
	    " (SELECT d.name FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1)",
	    1,
	    {TEXTOID}};
	static Statement definition = {
	    "DELETE FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, key);
	(void)run_statement(errors, values);
	(void)run_statement(definition, values);
	remove_watch_callbacks();
}

} // namespace whatsapp::pg
