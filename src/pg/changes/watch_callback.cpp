/*
 * watch_callback.cpp — named after the watch and its column.
 */
#include "pg/changes/watch_callback.hpp"

namespace whatsapp::pg
{

void
add_watch_callback(const WatchCallback &watch)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_callback_definitions (name, kind, watch, owner, settings, owner_number)"
	    " SELECT n.name, 'column', $1, $2, $3, $5"
	    " FROM (SELECT $4 || CASE WHEN i = 1 THEN '' ELSE '_' || i END AS name, i FROM generate_series(1, 1000) AS i) AS n"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_callback_definitions AS d WHERE d.name = n.name)"
	    " ORDER BY n.i LIMIT 1",
	    5,
	    {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, watch.key);
	values.set_text(1, watch.owner);
	values.set(2, watch.settings);
	values.set_text(3, watch.name);
	values.set_text(4, watch.owner_number);
	(void)run_statement(statement, values);
}

void
remove_watch_callbacks()
{
#define WITHOUT_WATCH(row) \
	" NOT EXISTS (SELECT FROM @s@.whatsapp_watch_definitions AS w WHERE w.key = " row ".watch)"
	static Statement calls = {
	    "DELETE FROM @s@.whatsapp_callback_calls AS q USING @s@.whatsapp_callback_definitions AS d"
	    " WHERE q.callback = d.id AND d.kind = 'column' AND" WITHOUT_WATCH("d"),
	    0,
	    {}};
	static Statement links = {
	    "DELETE FROM @s@.whatsapp_watched_messages AS m USING @s@.whatsapp_callback_definitions AS d"
	    " WHERE m.watch = d.watch AND d.kind = 'column' AND" WITHOUT_WATCH("d"),
	    0,
	    {}};
	static Statement definitions = {
	    "DELETE FROM @s@.whatsapp_callback_definitions AS d WHERE d.kind = 'column' AND" WITHOUT_WATCH(
	        "d"),
	    0,
	    {}};
#undef WITHOUT_WATCH
	for (Statement *statement : {&calls, &links, &definitions})
		(void)run_statement(*statement, Values());
}

} // namespace whatsapp::pg
