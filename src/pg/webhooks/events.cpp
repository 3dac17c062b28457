/*
 * events.cpp — all that has arrived together is stored together; parked statuses are matched later.
 */
#include "pg/webhooks/events.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/server/fault_point.hpp"
#include "pg/reader/intake.hpp"
#include "pg/webhooks/reading.hpp"

#include "pg/server/columns.hpp"
#include "pg/webhooks/event_rows.hpp"
#include "pg/webhooks/statuses.hpp"
#include "pg/queue/wamids.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr uint64 most_matches = 1000;
constexpr int lately_seconds = 30;
/* generations, at 40,000 messages a second */
constexpr std::int32_t lately_learnt = 5;

bool
is_status(const Event &event)
{
	return strcmp(event.kind, "status") == 0;
}

std::int64_t
now_in_seconds()
{
	return timestamptz_to_time_t(GetCurrentTransactionStartTimestamp());
}

bool
same_key(const Event *left, const Event *right)
{
	return memcmp(left->key, right->key, sizeof left->key) == 0;
}

/* Sorts events. */
void
store_all(const Event **events, std::size_t count)
{
	if (count == 0)
		return;
	std::sort(events, events + count, key_before);
	count = static_cast<std::size_t>(std::unique(events, events + count, same_key) - events);
	auto *stored = static_cast<StoredEvent *>(palloc(sizeof(StoredEvent) * count));
	const std::size_t size = insert_events(events, count, stored);
	auto *statuses = static_cast<StatusOf *>(palloc(sizeof(StatusOf) * (size + 1)));
	Column for_reader(size);
	std::size_t status_count = 0;
	const std::int64_t now = now_in_seconds();
	for (std::size_t i = 0; i < size; i++) {
		const Event &event = *stored[i].event;
		if (is_status(event) && stored[i].message_id != 0)
			statuses[status_count++] = {&event, stored[i].message_id, now};
		if (reader_wants(event))
			for_reader.add(Int64GetDatum(stored[i].id));
	}
	fault_point(FaultPoint::event_inserted);
	apply_statuses(statuses, status_count);
	leave_to_reader(for_reader);
}

} // namespace

void
store_events(const Batch *batches, std::size_t count)
{
	std::size_t total = 0;
	for (std::size_t i = 0; i < count; i++)
		total += batches[i].count;
	auto **events = static_cast<const Event **>(palloc(sizeof(Event *) * (total + 1)));
	std::size_t place = 0;
	for (std::size_t i = 0; i < count; i++)
		for (std::size_t k = 0; k < batches[i].count; k++)
			events[place++] = batches[i].events + k;
	store_all(events, total);
}

void
store_events(const Event *events, std::size_t count)
{
	const Batch batch = {events, count};
	store_events(&batch, 1);
}

void
quarantine(const char *bytes, std::size_t size)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_events (kind, dedupe_key, body)"
	    " VALUES ('malformed', $1, $2) ON CONFLICT (dedupe_key) DO NOTHING",
	    2,
	    {UUIDOID, BYTEAOID}};
	unsigned char key[sizeof(Event::key)];
	fingerprint_of_body(bytes, size, key);
	auto *body = static_cast<bytea *>(palloc(size + VARHDRSZ));
	SET_VARSIZE(body, size + VARHDRSZ);
	memcpy(VARDATA(body), bytes, size);
	Values values;
	values.set(0, PointerGetDatum(key));
	values.set(1, PointerGetDatum(body));
	run_statement(statement, values);
}

bool
match_parked(int seconds, std::int32_t oldest_generation)
{
	static Statement link = {
	    "UPDATE @s@.whatsapp_events AS e SET message_id = p.message_id FROM ("
	    "  SELECT found.id, found.message_id FROM (SELECT parked.id, " MESSAGE_OF_WAMID(
	        "parked.wamid",
	        "$2") " AS message_id"
	              "    FROM @s@.whatsapp_events AS parked"
	              "    WHERE parked.kind = 'status' AND parked.message_id IS NULL"
	              "     AND parked.received_at > now() - make_interval(secs => $1)) AS found"
	              "   WHERE found.message_id IS NOT NULL ORDER BY found.message_id LIMIT $3) AS p"
	              " WHERE e.id = p.id AND e.message_id IS NULL"
	              " RETURNING e.message_id, e.raw::text, extract(epoch FROM e.received_at)::bigint",
	    3,
	    {FLOAT8OID, INT4OID, INT8OID}};
	Values values;
	values.set(0, Float8GetDatum(seconds));
	values.set(1, Int32GetDatum(oldest_generation));
	values.set(2, Int64GetDatum(most_matches));
	const Result rows = run_statement(link, values);
	if (rows.empty())
		return true;
	auto *events = static_cast<Event *>(palloc(sizeof(Event) * rows.count()));
	auto *statuses = static_cast<StatusOf *>(palloc(sizeof(StatusOf) * rows.count()));
	std::size_t count = 0;
	for (uint64 i = 0; i < rows.count(); i++)
		if (read_status(rows.text_at(i, 2), events[count])) {
			statuses[count] = {&events[count], rows.int64_at(i, 1), rows.int64_at(i, 3)};
			count++;
		}
	apply_statuses(statuses, count);
	return rows.count() < most_matches;
}

void
match_lately_parked()
{
	(void)match_parked(lately_seconds, newest_generation() - lately_learnt);
}

} // namespace whatsapp::pg
