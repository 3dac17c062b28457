/*
 * status_column.cpp — which row a message is of, and how it is written to.
 */
#include "pg/watches/status_column.hpp"

#include "pg/server/columns.hpp"
#include "pg/server/statement.hpp"
#include "pg/watches/row_key.hpp"
#include "pg/watches/watch_rows.hpp"
#include "pg/watches/watch_triggers.hpp"

extern "C" {
#include "access/attnum.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

const char *silenced_watch = nullptr;
const char *silenced_row = nullptr;

} // namespace

void
check_status_column(const WatchDefinition &watch, Relation table)
{
	if (watch.status_column == nullptr)
		return;
	const char *name = RelationGetRelationName(table);
	const AttrNumber number = get_attnum(RelationGetRelid(table), watch.status_column);
	if (number <= 0)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_COLUMN),
		         errmsg("column \"%s\" of table \"%s\" does not exist", watch.status_column, name),
		         errhint("It is the name of a column, not an expression.")));
	if (primary_key_columns(table)[0] == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("table \"%s\" has no primary key", name),
		                errhint("With status_column, a row is found by it.")));
	if (!watch.on[static_cast<int>(WatchEvent::inserted)] &&
	    !watch.on[static_cast<int>(WatchEvent::updated)])
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("status_column needs a row that is still there"),
		                errhint("The events must be INSERT or UPDATE, too.")));
}

void
link_message(const WatchDefinition &watch, std::int64_t message_id, const char *row_key)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_watched_messages (message_id, watch, row_key) SELECT $1, $2, $3"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_watched_messages AS w WHERE w.message_id = $1)",
	    3,
	    {INT8OID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set_text(1, watch.key);
	values.set_text(2, row_key);
	(void)run_statement(statement, values);
}

void
link_announcements(const WatchDefinition &watch, const Announcement *announcements, int count)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_watched_messages (message_id, watch, row_key)"
	    " SELECT DISTINCT ON (m.id) m.id, $4, k.row_key"
	    " FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) WITH ORDINALITY AS k (sender, key, row_key, place)"
	    " JOIN @s@.whatsapp_messages AS m ON m.sender = k.sender AND m.idempotency_key = k.key AND m.enqueued_by = $5"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_watched_messages AS w WHERE w.message_id = m.id)"
	    " ORDER BY m.id, k.place",
	    5,
	    {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, TEXTOID}};
	Column senders(static_cast<std::size_t>(count));
	Column keys(static_cast<std::size_t>(count));
	Column rows(static_cast<std::size_t>(count));
	for (int i = 0; i < count; i++) {
		const Announcement &announcement = announcements[i];
		if (announcement.refused != nullptr || announcement.message.idempotency_key == nullptr ||
		    announcement.row_key == nullptr)
			continue;
		senders.add_text(announcement.message.sender);
		keys.add_text(announcement.message.idempotency_key);
		rows.add(CStringGetTextDatum(announcement.row_key));
	}
	if (senders.count() == 0)
		return;
	Values values;
	values.set(0, senders.array(TEXTOID));
	values.set(1, keys.array(TEXTOID));
	values.set(2, rows.array(TEXTOID));
	values.set_text(3, watch.key);
	values.set_text(4, watch.owner);
	(void)run_statement(statement, values);
}

const char *
row_of_message(std::int64_t message_id, const char *watch_key)
{
	static Statement statement = {
	    "SELECT row_key FROM @s@.whatsapp_watched_messages WHERE message_id = $1 AND watch = $2",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set_text(1, watch_key);
	const Result found = run_statement(statement, values);
	return found.empty() ? nullptr : found.text_at(0, 1);
}

StatusColumn
find_status_column(const char *watch_key)
{
	static Statement statement = {
	    "SELECT v.relation::pg_catalog.oid, v.status_column FROM @s@.whatsapp_watch_definitions AS d"
	    " JOIN @s@.whatsapp_watches AS v ON v.name = d.name AND v.owner IS NOT NULL WHERE d.key = $1",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, watch_key);
	const Result found = run_statement(statement, values);
	if (found.empty())
		return {InvalidOid, nullptr};
	return {DatumGetObjectId(found.datum_at(0, 1, OIDOID)), found.text_at(0, 2)};
}

const char *
status_column_update(Relation table, const char *column)
{
	const Oid relation = RelationGetRelid(table);
	const AttrNumber number = get_attnum(relation, column);
	if (number <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of table \"%s\" does not exist", column,
		                       RelationGetRelationName(table)),
		                errhint("End the watch by wa_unwatch(), and make it again.")));
	return psprintf("UPDATE %s AS whatsapp_row SET %s = $2::%s WHERE %s", quoted_relation(relation),
	                quote_identifier(column),
	                format_type_extended(get_atttype(relation, number), -1,
	                                     FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY),
	                row_key_condition(table, "status_column"));
}

void
silence_watch(const char *watch_key, const char *row_key)
{
	silenced_watch = watch_key;
	silenced_row = row_key;
}

bool
is_silenced(const WatchDefinition &watch, WatchEvent event, const char *row_key)
{
	return silenced_watch != nullptr && event == WatchEvent::updated && row_key != nullptr &&
	       strcmp(watch.key, silenced_watch) == 0 && strcmp(row_key, silenced_row) == 0;
}

} // namespace whatsapp::pg
