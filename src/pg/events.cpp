/*
 * events.cpp — the status of a message is a function of the set of its events, whatever their order
 * and number.
 *
 * READ if there is a read, else DELIVERED if there is a delivered, else FAILED if there is a
 * failed, else SENT. Times are the earliest of each kind, and read implies delivered implies sent;
 * so every expression below is a minimum or a maximum.
 */
#include "pg/events.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/statement.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

const char *
present(const char *text)
{
	return text == nullptr || *text == '\0' ? nullptr : text;
}

void
set_time(Values &values, int place, std::int64_t unix_seconds)
{
	/* a foreign number must not overflow the server's time: up to the year 9999 */
	if (unix_seconds > 0 && unix_seconds < INT64CONST(253402300800))
		values.set(place, TimestampTzGetDatum(
		                      time_t_to_timestamptz(static_cast<pg_time_t>(unix_seconds))));
}

/* By our own id first, which is there before any answer; then by wamid. Never by phone. 0: not
 * known (yet). */
std::int64_t
find_message(const Event &event)
{
	static Statement statement = {
	    "SELECT coalesce("
	    "  (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = $1"
	    "    AND EXISTS (SELECT FROM @s@.whatsapp_instances WHERE nonce = $2)),"
	    "  (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.wamid = $3 LIMIT 1), 0)",
	    3,
	    {INT8OID, TEXTOID, TEXTOID}};
	Values values;
	if (event.nonce != nullptr) {
		values.set(0, Int64GetDatum(event.message_id));
		values.set_text(1, event.nonce);
	}
	values.set_identifier(2, event.wamid);
	run(statement, values);
	return int64_column(0, 1);
}

/* False: it is here already. */
bool
store(const Event &event, std::int64_t message_id)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_events (kind, field, account_id, phone_number_id, wamid, status, occurred_at, message_id,"
	    "  dedupe_key, raw) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)"
	    " ON CONFLICT (dedupe_key) DO NOTHING",
	    10,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID,
	     TEXTOID}};
	Values values;
	values.set_text(0, event.kind);
	values.set_text(1, present(event.field));
	values.set_text(2, present(event.account_id));
	values.set_text(3, present(event.phone_number_id));
	values.set_identifier(4, event.wamid);
	values.set_text(5, present(event.status));
	set_time(values, 6, event.timestamp);
	if (message_id != 0)
		values.set(7, Int64GetDatum(message_id));
	values.set_text(8, event.dedupe_key);
	values.set_text(9, present(event.raw));
	return run(statement, values) > 0;
}

/* The platform has it (or has given it up): it must not be sent again. A failure says nothing of an
 * attempt that is yet to come. */
void
dequeue(std::int64_t message_id, bool failed)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_queue WHERE message_id = $1 AND (state <> 'ready' OR NOT $2)",
	    2,
	    {INT8OID, BOOLOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set(1, BoolGetDatum(failed));
	run(statement, values);
}

void
apply_progress(const Event &event, std::int64_t message_id, int rank)
{
	/* $3: 1 sent, 2 delivered, 3 read. The platform's times are whole seconds, cut off: never
	 * before the message was made. */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_messages AS m SET"
	    "  status = CASE WHEN $3 >= 3 OR m.status = 'READ' THEN 'READ'"
	    "                WHEN $3 = 2 OR m.status = 'DELIVERED' THEN 'DELIVERED'"
	    "                WHEN m.status = 'FAILED' THEN 'FAILED' ELSE 'SENT' END,"
	    "  sent_at = least(m.sent_at, greatest($2, m.created_at)),"
	    "  delivered_at = CASE WHEN $3 >= 2 THEN least(m.delivered_at, greatest($2, m.created_at)) ELSE m.delivered_at END,"
	    "  read_at = CASE WHEN $3 >= 3 THEN least(m.read_at, greatest($2, m.created_at)) ELSE m.read_at END,"
	    "  failed_at = CASE WHEN $3 = 1 AND m.status = 'FAILED' THEN m.failed_at END,"
	    "  error_code = CASE WHEN $3 = 1 AND m.status = 'FAILED' THEN m.error_code END,"
	    "  error_message = CASE WHEN $3 = 1 AND m.status = 'FAILED' THEN m.error_message END,"
	    "  error_details = CASE WHEN $3 = 1 AND m.status = 'FAILED' THEN m.error_details END,"
	    "  hint = CASE WHEN $3 = 1 AND m.status = 'FAILED' THEN m.hint END,"
	    "  wamid = coalesce(m.wamid, $4), wa_id = coalesce(m.wa_id, $5), user_id = coalesce(m.user_id, $6),"
	    "  conversation_id = coalesce(m.conversation_id, $7), pricing_category = coalesce(m.pricing_category, $8),"
	    "  pricing_type = coalesce(m.pricing_type, $9)"
	    " WHERE m.id = $1",
	    9,
	    {INT8OID, TIMESTAMPTZOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	set_time(values, 1, event.timestamp);
	if (values.null[1] != ' ')
		values.set(1, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	values.set(2, Int32GetDatum(rank));
	values.set_identifier(3, event.wamid);
	values.set_text(4, present(event.wa_id));
	values.set_text(5, present(event.user_id));
	values.set_text(6, present(event.conversation_id));
	values.set_text(7, present(event.pricing_category));
	values.set_text(8, present(event.pricing_type));
	run(statement, values);
}

void
apply_failure(const Event &event, std::int64_t message_id)
{
	/* of several failures the earliest is shown; one of an older attempt (another wamid, or the
	 * message waits to be sent again) is history and not the status */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'FAILED', failed_at = $2, error_code = $3, error_message = $4,"
	    "  error_details = $5::jsonb, hint = $6, wamid = coalesce(m.wamid, $7)"
	    " WHERE m.id = $1 AND (m.status IN ('PENDING', 'SENT') OR (m.status = 'FAILED' AND m.failed_at > $2))"
	    "  AND (m.wamid IS NULL OR m.wamid = $7)"
	    "  AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id AND q.state = 'ready')",
	    7,
	    {INT8OID, TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	set_time(values, 1, event.timestamp);
	if (values.null[1] != ' ')
		values.set(1, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	if (event.has_error)
		values.set(2, Int64GetDatum(event.error_code));
	values.set_text(3, present(event.error_message));
	values.set_text(4, present(event.error_details));
	values.set_text(5, present(event.hint));
	values.set_identifier(6, event.wamid);
	run(statement, values);
}

/* 1 to 3 for progress, -1 for failed, 0 for a word that says nothing about the status */
int
rank_of(const char *status)
{
	if (status == nullptr)
		return 0;
	if (strcmp(status, "sent") == 0)
		return 1;
	if (strcmp(status, "delivered") == 0)
		return 2;
	/* a voice note that was played has been read */
	if (strcmp(status, "read") == 0 || strcmp(status, "played") == 0)
		return 3;
	return strcmp(status, "failed") == 0 ? -1 : 0;
}

void
apply(const Event &event, std::int64_t message_id)
{
	const int rank = rank_of(event.status);
	if (rank == 0)
		return;
	dequeue(message_id, rank < 0);
	if (rank > 0)
		apply_progress(event, message_id, rank);
	else
		apply_failure(event, message_id);
}

struct Found {
	const Event *event;
	std::int64_t message_id;
};

} // namespace

void
store_events(const Event *events, std::size_t count)
{
	auto *found = static_cast<Found *>(palloc(sizeof(Found) * (count + 1)));
	std::size_t fresh = 0;
	for (std::size_t i = 0; i < count; i++) {
		const bool is_status = strcmp(events[i].kind, "status") == 0;
		const std::int64_t message_id = is_status ? find_message(events[i]) : 0;
		if (store(events[i], message_id) && message_id != 0)
			found[fresh++] = {&events[i], message_id};
	}
	std::sort(found, found + fresh, [](const Found &left, const Found &right) {
		return left.message_id < right.message_id;
	});
	for (std::size_t i = 0; i < fresh; i++)
		apply(*found[i].event, found[i].message_id);
}

void
quarantine(const char *bytes, std::size_t size)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_events (kind, dedupe_key, body)"
	    " VALUES ('malformed', 'q:' || encode(sha256($1), 'hex'), $1) ON CONFLICT (dedupe_key) DO NOTHING",
	    1,
	    {BYTEAOID}};
	auto *body = static_cast<bytea *>(palloc(size + VARHDRSZ));
	SET_VARSIZE(body, size + VARHDRSZ);
	memcpy(VARDATA(body), bytes, size);
	Values values;
	values.set(0, PointerGetDatum(body));
	run(statement, values);
}

void
match_parked()
{
	static Statement find = {
	    "SELECT e.id, m.id, e.status, e.wamid, extract(epoch FROM e.occurred_at)::bigint, e.raw ->> 'recipient_id',"
	    "  e.raw ->> 'recipient_user_id', e.raw #>> '{errors,0,code}', e.raw #>> '{errors,0,title}', e.raw ->> 'errors'"
	    " FROM @s@.whatsapp_events AS e JOIN @s@.whatsapp_messages AS m ON m.wamid = e.wamid"
	    " WHERE e.kind = 'status' AND e.message_id IS NULL AND e.received_at > now() - interval '1 day'"
	    " ORDER BY m.id LIMIT 1000",
	    0,
	    {}};
	static Statement link = {
	    "UPDATE @s@.whatsapp_events SET message_id = $2 WHERE id = $1 AND message_id IS NULL",
	    2,
	    {INT8OID, INT8OID}};

	const uint64 rows = run(find, Values());
	SPITupleTable *table = SPI_tuptable;
	for (uint64 i = 0; i < rows; i++) {
		SPI_tuptable = table;
		const std::int64_t event_id = int64_column(i, 1);
		const std::int64_t message_id = int64_column(i, 2);
		Event event = {};
		event.kind = "status";
		event.status = text_column(i, 3);
		event.wamid = text_column(i, 4);
		event.timestamp = int64_column(i, 5);
		event.wa_id = text_column(i, 6);
		event.user_id = text_column(i, 7);
		const char *code = text_column(i, 8);
		event.has_error = code != nullptr;
		event.error_code = code != nullptr ? strtoll(code, nullptr, 10) : 0;
		event.error_message = text_column(i, 9);
		event.error_details = text_column(i, 10);
		Values values;
		values.set(0, Int64GetDatum(event_id));
		values.set(1, Int64GetDatum(message_id));
		if (run(link, values) > 0)
			apply(event, message_id);
	}
}

} // namespace whatsapp::pg
