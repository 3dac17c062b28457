/*
 * watch_items.cpp — the one statement that the user's transaction runs for them.
 */
#include "pg/watches/watch_items.hpp"

#include "pg/rows/left_out.hpp"
#include "pg/server/columns.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* The parameters as a JSON array; null stands for the number of rows. */
const char *
texts_of(const WatchDefinition &watch, const Announcement &announcement)
{
	StringInfoData text;
	initStringInfo(&text);
	for (int i = 0; i < watch.parameter_count; i++) {
		appendStringInfoChar(&text, i == 0 ? '[' : ',');
		if (is_row_count(watch, watch.parameters[i]))
			appendStringInfoString(&text, "null");
		else
			escape_json(&text, announcement.parameters[i]);
	}
	appendStringInfoString(&text, watch.parameter_count == 0 ? "[]" : "]");
	return text.data;
}

/* The items of a group become one message. NULL for an item that is a group of its own. */
const char *
group_of(const WatchDefinition &watch, const Announcement &announcement)
{
	const NewMessage &message = announcement.message;
	if (watch.digest > 0)
		return psprintf("%s %s", message.sender, message.recipient_phone);
	return message.idempotency_key;
}

void
add_time(Column &column, bool given, TimestampTz time)
{
	if (given)
		column.add(TimestampTzGetDatum(time));
	else
		column.add_null();
}

void
add_optional(Column &column, const char *text)
{
	if (text != nullptr)
		column.add_text(text);
	else
		column.add_null();
}

} // namespace

void
add_watch_items(const WatchDefinition &watch, const Announcement *announcements, int count)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_watch_items (watch, template_name, separator, enqueued_by, made_at, sender, recipient_phone,"
	    " template_language, parameters, priority, group_key, due_at, latest_at, expires_at, reference, row_key,"
	    " idempotency_key, time_zone)"
	    " SELECT $1, $2, $3, $4, n.made_at, n.sender, n.phone, n.language, n.parameters::json, n.priority,"
	    "  coalesce(n.group_key, gen_random_uuid()::text), n.due_at, n.latest_at, n.expires_at, n.reference, n.row_key, n.key, n.zone"
	    " FROM (SELECT unnest($5) AS made_at, unnest($6) AS sender, unnest($7) AS phone, unnest($8) AS language, unnest($9) AS parameters,"
	    "  unnest($10) AS priority, unnest($11) AS group_key, unnest($12) AS due_at, unnest($13) AS latest_at,"
	    "  unnest($14) AS expires_at, unnest($15) AS reference, unnest($16) AS row_key, unnest($17) AS key, unnest($18) AS zone) AS n",
	    18,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	     TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	     TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	     TEXTARRAYOID},
	    true};
	const auto size = static_cast<std::size_t>(count);
	Column made(size), senders(size), phones(size), languages(size), texts(size), priority(size),
	    groups(size), due(size), latest(size), expiry(size), references(size), rows(size),
	    keys(size), zones(size);
	for (int i = 0; i < count; i++) {
		const Announcement &announcement = announcements[i];
		const NewMessage &message = announcement.message;
		add_time(made, true, announcement.made_at);
		senders.add_text(message.sender);
		phones.add_text(message.recipient_phone);
		languages.add_text(message.template_language);
		texts.add_text(texts_of(watch, announcement));
		priority.add(Int16GetDatum(static_cast<int16>(message.priority)));
		add_optional(groups, group_of(watch, announcement));
		add_time(due, true, message.send_at);
		add_time(latest, announcement.latest_at != 0, announcement.latest_at);
		add_time(expiry, message.has_expires_at, message.expires_at);
		add_optional(references, message.reference);
		add_optional(rows, announcement.row_key);
		add_optional(keys, message.idempotency_key);
		add_optional(zones, announcement.time_zone);
	}
	Values values;
	values.set_text(0, watch.key);
	values.set_text(1, watch.template_name);
	if (watch.digest > 0)
		values.set_text(2, watch.separator);
	values.set_text(3, watch.owner);
	values.set(4, made.array(TIMESTAMPTZOID));
	values.set(5, senders.array(TEXTOID));
	values.set(6, phones.array(TEXTOID));
	values.set(7, languages.array(TEXTOID));
	values.set(8, texts.array(TEXTOID));
	values.set(9, priority.array(INT2OID));
	values.set(10, groups.array(TEXTOID));
	values.set(11, due.array(TIMESTAMPTZOID));
	values.set(12, latest.array(TIMESTAMPTZOID));
	values.set(13, expiry.array(TIMESTAMPTZOID));
	values.set(14, references.array(TEXTOID));
	values.set(15, rows.array(TEXTOID));
	values.set(16, keys.array(TEXTOID));
	values.set(17, zones.array(TEXTOID));
	if (run_statement(statement, values).count() != size)
		raise_left_out("whatsapp_watch_items");
}

} // namespace whatsapp::pg
