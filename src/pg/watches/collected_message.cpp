/*
 * collected_message.cpp — values are counted, sorted and cut by SQL, since a digest may have any
 * number of rows.
 */
#include "pg/watches/collected_message.hpp"

#include <string>
#include <vector>

#include "core/message/limits.hpp"
#include "core/message/message.hpp"
#include "core/message/value_list.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/send_window.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"
#include "pg/watches/following_messages.hpp"
#include "pg/watches/status_column.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/array.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* What the items of a group have in common, as the newest of them has it. */
struct MessageGroup {
	NewMessage message;
	const char *separator; /* NULL with debounce */
	const char *time_zone;
	const char *row_key;
	const char *group_key;
	std::int64_t count;
};

void
read_group(Datum ids, MessageGroup &group)
{
	static Statement statement = {
	    "SELECT i.sender, i.recipient_phone, i.template_name, i.template_language, i.priority, i.expires_at, i.reference,"
	    " i.enqueued_by, i.separator, i.time_zone, i.row_key, n.count, i.group_key, i.due_at"
	    " FROM (SELECT max(g.id) AS id, count(*) AS count FROM @s@.whatsapp_watch_items AS g WHERE g.id = ANY ($1)) AS n"
	    " JOIN @s@.whatsapp_watch_items AS i ON i.id = n.id",
	    1,
	    {INT8ARRAYOID}};
	Values values;
	values.set(0, ids);
	const Result found = run_statement(statement, values);
	NewMessage &message = group.message;
	message = {};
	message.sender = found.text_at(0, 1);
	message.recipient_phone = found.text_at(0, 2);
	message.message_type = "template";
	message.template_name = found.text_at(0, 3);
	message.template_language = found.text_at(0, 4);
	message.priority = DatumGetInt16(found.datum_at(0, 5, INT2OID));
	message.has_expires_at = !found.is_null(0, 6);
	message.expires_at = found.int64_at(0, 6);
	message.reference = found.text_at(0, 7);
	message.enqueued_by = found.text_at(0, 8);
	group.separator = found.text_at(0, 9);
	group.time_zone = found.text_at(0, 10);
	group.row_key = found.text_at(0, 11);
	group.count = found.int64_at(0, 12);
	group.group_key = found.text_at(0, 13);
	/* the time to live counts from when the item was due, even if the reader was away then */
	if (!message.has_expires_at)
		message.expires_at =
		    found.int64_at(0, 14) + static_cast<TimestampTz>(settings.default_ttl) * USECS_PER_SEC;
	message.has_expires_at = true;
}

constexpr std::int64_t reference_place = PG_INT32_MAX;

/* Each different value once, in the order of the rows. Behind the parameters stands the reference.
 * place, value (NULL: the number of rows), how many values the place has. */
Result
find_values(Datum ids)
{
	static Statement statement = {
	    "SELECT v.place, v.value, v.total FROM (SELECT u.place, u.value, count(*) OVER (PARTITION BY u.place) AS total,"
	    "  row_number() OVER (PARTITION BY u.place ORDER BY u.first) AS number FROM ("
	    "   SELECT p.place, p.value, min(i.id) AS first FROM @s@.whatsapp_watch_items AS i CROSS JOIN LATERAL ("
	    "     SELECT t.place, t.value FROM json_array_elements_text(i.parameters) WITH ORDINALITY AS t (value, place)"
	    "     UNION ALL SELECT $2, i.reference WHERE i.reference IS NOT NULL) AS p"
	    "   WHERE i.id = ANY ($1) GROUP BY p.place, p.value) AS u) AS v WHERE v.number <= $3 ORDER BY v.place, v.number",
	    3,
	    {INT8ARRAYOID, INT8OID, INT8OID},
	    true};
	Values values;
	values.set(0, ids);
	values.set(1, Int64GetDatum(reference_place));
	values.set(2, Int64GetDatum(static_cast<std::int64_t>(longest_value_list)));
	return run_statement(statement, values);
}

/* Plain, so that it may be read before any C++ object lives. */
struct Value {
	std::int64_t place;
	std::int64_t total;
	const char *text;
};

/* Where the values of one place end. */
std::size_t
end_of_place(const Value *values, std::size_t count, std::size_t at)
{
	const std::int64_t place = values[at].place;
	while (at < count && values[at].place == place)
		at++;
	return at;
}

std::size_t
room_of(const Value *values, std::size_t count)
{
	std::vector<std::string_view> single;
	std::size_t lists = 0;
	for (std::size_t at = 0; at < count; at = end_of_place(values, count, at)) {
		if (values[at].place == reference_place || values[at].text == nullptr)
			continue;
		if (values[at].total > 1)
			lists++;
		else
			single.push_back(values[at].text);
	}
	return room_for_list(single, lists);
}

/* The payload, and the reference; false, and why, when there can be none. */
bool
fill_message(MessageGroup &group, const Value *values, std::size_t count, Failure &why)
{
	NewMessage &message = group.message;
	return try_body(why, [&] {
		const std::string_view separator = group.separator == nullptr ? "" : group.separator;
		const std::size_t room = room_of(values, count);
		std::vector<std::string> texts;
		for (std::size_t at = 0; at < count;) {
			const Value &first = values[at];
			const std::size_t end = end_of_place(values, count, at);
			if (first.text == nullptr) {
				texts.push_back(std::to_string(group.count));
				at = end;
				continue;
			}
			std::vector<std::string_view> list;
			for (; at < end; at++)
				list.push_back(values[at].text);
			const auto total = static_cast<std::size_t>(first.total);
			if (first.place != reference_place) {
				texts.push_back(
				    join_values(list, total, separator, message.template_language, room));
				continue;
			}
			const std::string all = join_values(list, total, ", ", "");
			if (group.separator != nullptr && all.size() <= limits::reference.bytes)
				message.reference = cstring_out(all);
		}
		message.payload =
		    cstring_out(template_payload(message.template_name, message.template_language, texts));
	});
}

/* With debounce only the newest item counts. */
Datum
newest_of(Datum ids)
{
	ArrayType *array = DatumGetArrayTypeP(ids);
	const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	Datum newest = Int64GetDatum(reinterpret_cast<std::int64_t *>(ARR_DATA_PTR(array))[count - 1]);
	return PointerGetDatum(
	    construct_array(&newest, 1, INT8OID, sizeof(std::int64_t), true, TYPALIGN_DOUBLE));
}

void
compose_message(MessageGroup &group, Datum ids, Failure *&refused)
{
	const Result found = find_values(group.separator == nullptr ? newest_of(ids) : ids);
	auto *values = static_cast<Value *>(palloc(sizeof(Value) * (found.count() + 1)));
	for (uint64 i = 0; i < found.count(); i++)
		values[i] = {found.int64_at(i, 1), found.int64_at(i, 3), found.text_at(i, 2)};
	auto *why = static_cast<Failure *>(palloc(sizeof(Failure)));
	/* an alias stands for the version that is approved now */
	resolve_template(group.message, false);
	refused = fill_message(group, values, found.count(), *why) && may_send(group.message, *why)
	              ? nullptr
	              : why;
}

/* What the watch says about times, as long as it exists. */
struct Timing {
	std::int64_t digest; /* microseconds; 0: none, or the watch is gone */
	const char *hours;   /* NULL for any time */
};

Timing
read_timing(const char *watch_key, const MessageGroup &group)
{
	static Statement statement = {
	    "SELECT coalesce((extract(epoch FROM d.digest) * 1000000)::int8, 0), coalesce(d.send_window, $2)"
	    " FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1",
	    2,
	    {TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, watch_key);
	values.set_text(1, settings.send_window);
	const Result found = run_statement(statement, values);
	if (found.empty())
		return {0, nullptr};
	const char *hours = found.text_at(0, 2);
	const bool always =
	    hours[0] == '\0' || strcmp(hours, always_open) == 0 || group.message.priority == 0;
	return {found.int64_at(0, 1), always ? nullptr : hours};
}

TimestampTz
keep_to_hours(const MessageGroup &group, const Timing &timing, TimestampTz moment)
{
	return timing.hours == nullptr
	           ? moment
	           : next_opening(moment, timing.hours, group.time_zone, group.message.recipient_phone);
}

/* The items have their message. Their texts are erased: they stand in the message from now on, and
 * are forgotten with it. All items of a digest are kept; with debounce only the newest one is, and
 * the others are deleted. */
void
close_items(const char *watch_key, const MessageGroup &group, const Timing &timing, Datum ids,
            std::int64_t message_id)
{
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_watch_items AS i WHERE i.watch = $2 AND i.group_key = $3 AND i.id <> ALL ($4)"
	    " AND (i.id = ANY ($1) OR i.message_id IS NOT NULL)",
	    4,
	    {INT8ARRAYOID, TEXTOID, TEXTOID, INT8ARRAYOID}};
	static Statement keep = {
	    "UPDATE @s@.whatsapp_watch_items AS i SET message_id = $2, next_at = $3, parameters = '[]' WHERE i.id = ANY ($1)",
	    3,
	    {INT8ARRAYOID, INT8OID, TIMESTAMPTZOID}};
	const bool is_digest = group.separator != nullptr;
	const Datum kept = is_digest ? ids : newest_of(ids);
	if (!is_digest) {
		Values others;
		others.set(0, ids);
		others.set_text(1, watch_key);
		others.set_text(2, group.group_key);
		others.set(3, kept);
		(void)run_statement(remove, others);
	}
	Values values;
	values.set(0, kept);
	values.set(1, Int64GetDatum(message_id));
	/* when the recipient may get another one */
	if (timing.digest > 0)
		values.set(2, TimestampTzGetDatum(
		                  keep_to_hours(group, timing, GetCurrentTimestamp() + timing.digest)));
	if (run_statement(keep, values).count() != static_cast<uint64>(is_digest ? group.count : 1))
		raise_left_out("whatsapp_watch_items");
}

/* With debounce: the message that a change before has made. 0 for none. */
std::int64_t
find_previous(const char *watch_key, const MessageGroup &group)
{
	static Statement statement = {
	    "SELECT i.message_id FROM @s@.whatsapp_watch_items AS i WHERE i.watch = $1 AND i.group_key = $2"
	    " AND i.sender = $3 AND i.message_id IS NOT NULL ORDER BY i.id DESC LIMIT 1",
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	if (group.separator != nullptr)
		return 0;
	Values values;
	values.set_text(0, watch_key);
	values.set_text(1, group.group_key);
	values.set_text(2, group.message.sender);
	const Result found = run_statement(statement, values);
	return found.empty() ? 0 : found.int64_at(0, 1);
}

/* With debounce, the message takes the place of an earlier one that still waits. One that has left
 * is never changed. */
std::int64_t
enqueue_collected(const char *watch_key, MessageGroup &group)
{
	const std::int64_t previous = find_previous(watch_key, group);
	group.message.send_at = GetCurrentTransactionStartTimestamp();
	if (previous != 0 && move_message(previous, group.message))
		return previous;
	return enqueue_message(group.message);
}

/* Whether statuses of the message are written back to the row: see status_column of a watch. */
bool
writes_status(const char *watch_key)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1 AND d.status_column IS NOT NULL",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, watch_key);
	return !run_statement(statement, values).empty();
}

} // namespace

bool
make_collected_message(const char *watch_key, Datum ids, std::int64_t &opens)
{
	MessageGroup group = {};
	read_group(ids, group);
	const Timing timing = read_timing(watch_key, group);
	/* the hours may be over by now, if the reader was away */
	const TimestampTz now = GetCurrentTimestamp();
	opens = keep_to_hours(group, timing, now);
	if (opens > now)
		return false;
	Failure *refused = nullptr;
	compose_message(group, ids, refused);
	const std::int64_t id = refused == nullptr ? enqueue_collected(watch_key, group)
	                                           : record_refused(group.message, *refused);
	close_items(watch_key, group, timing, ids, id);
	if (group.row_key != nullptr && writes_status(watch_key)) {
		WatchDefinition watch = {};
		watch.key = watch_key;
		link_message(watch, id, group.row_key);
	}
	return true;
}

} // namespace whatsapp::pg
