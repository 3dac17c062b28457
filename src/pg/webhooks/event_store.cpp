/*
 * event_store.cpp — all that has arrived together is stored together.
 *
 * Two processes that store the same event at the same time meet at the unique index: the second
 * waits for the first, and then fails. Its batch is tried once more, sees the event, and leaves it
 * out (failure_repeats() in transaction.hpp). Events are stored in order of key, so that two
 * processes do not wait for each other. ON CONFLICT would do without the second time, and would
 * cost each event a look-up, a lock and a WAL record.
 */
#include "pg/webhooks/event_store.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/identity/directory.hpp"
#include "pg/identity/known_nonces.hpp"
#include "pg/queue/wamids.hpp"
#include "pg/server/batch_statement.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/transaction.hpp"
#include "pg/webhooks/event_queue.hpp"
#include "pg/webhooks/event_reading.hpp"
#include "pg/webhooks/foreign_events.hpp"
#include "pg/webhooks/status_join.hpp"

extern "C" {
#include "utils/timestamp.h"
#include "utils/uuid.h"
}

namespace whatsapp::pg
{

namespace
{

static_assert(sizeof(Event::key) == UUID_LEN, "keys are stored as uuid");

struct StoredEvent {
	const Event *event;
	std::int64_t id;
	std::int64_t message_id; /* of a status: the message it is about; 0 when it is not known */
};

template <std::string_view Event::*text>
void
add_text(Column &column, const Event &event)
{
	column.add_text(event.*text);
}

/* How many of the last digits of a phone number are the same however the platform writes it: some
 * countries have added digits behind their code, which recipient_id has or has not. */
constexpr std::size_t stable_digits = 7;

/* The last digits of whom a status is for; NULL when it tells no phone number. */
void
add_recipient(Column &column, const Event &event)
{
	const std::string_view id = event.report.wa_id;
	if (id.size() < stable_digits || id.find_first_not_of("0123456789") != std::string_view::npos)
		column.add_null();
	else
		column.add_text(id.substr(id.size() - stable_digits));
}

/* Whether the rows here tell all that was sent under the nonce; NULL for a nonce of others. */
void
add_own(Column &column, const Event &event)
{
	const NonceOrigin origin =
	    event.nonce.empty() ? NonceOrigin::foreign : origin_of_nonce(event.nonce);
	if (origin == NonceOrigin::foreign)
		column.add_null();
	else
		column.add(BoolGetDatum(origin == NonceOrigin::own));
}

/*
 * SQL: whether the row of the message says all that the status does, see is_plain_status(). Then
 * only word and time of the status are stored: the rest, hundreds of bytes, would be stored and
 * logged twice.
 *
 * Not for a message that waits or has failed: its statuses may have to be read again for another
 * attempt, see add_earlier_statuses().
 */
#define TELLS_STATUS(message) \
	"(" message ".wamid = item.wamid AND " message ".status IN ('SENT', 'DELIVERED', 'READ'))"

#define UNLESS_TOLD(column) \
	"CASE WHEN found.foreign_message OR NOT found.told THEN item." column " END"

constexpr BatchColumn<Event> event_columns[] = {
    {"kind", text_batch, "CASE WHEN found.foreign_message THEN 'foreign' ELSE item.kind END",
     [](Column &column, const Event &event) { column.add_text(event.kind); }},
    {"field", text_batch, UNLESS_TOLD("field"), add_text<&Event::field>},
    {"account_id", text_batch, UNLESS_TOLD("account_id"), add_text<&Event::account_id>},
    {"phone_number_id", text_batch, UNLESS_TOLD("phone_number_id"),
     add_text<&Event::phone_number_id>},
    {"wamid", text_batch, UNLESS_TOLD("wamid"),
     [](Column &column, const Event &event) { column.add_identifier(event.report.wamid); }},
    {"status", text_batch, as_told,
     [](Column &column, const Event &event) { column.add_text(event.report.status); }},
    {"occurred_at", time_batch, as_told,
     [](Column &column, const Event &event) { column.add_time(event.report.timestamp); }},
    {"dedupe_key", uuid_batch, as_told,
     [](Column &column, const Event &event) { column.add(PointerGetDatum(event.key)); }},
    {"raw", json_batch, UNLESS_TOLD("raw"), add_text<&Event::raw>},
    {"contact", json_batch, UNLESS_TOLD("contact"), add_text<&Event::contact>},
    {"signed_for", text_batch, UNLESS_TOLD("signed_for"), add_text<&Event::signed_for>},
    {"own", boolean_batch, nullptr, add_own},
    {"is_plain", boolean_batch, nullptr,
     [](Column &column, const Event &event) {
	     column.add(BoolGetDatum(event.is_plain && settings.compact_statuses));
     }},
    {"our_id", bigint_batch, nullptr,
     [](Column &column, const Event &event) { column.add(Int64GetDatum(event.message_id)); }},
    {"made_at", time_batch, nullptr,
     [](Column &column, const Event &event) { column.add(TimestampTzGetDatum(event.made_at)); }},
    {"recipient", text_batch, nullptr, add_recipient}};

/*
 * SQL: whether the status is about the message m, by our own correlation, which is known before any
 * answer. The message must have been on the wire and, if its wamid is known, under the wamid of the
 * status. Only when there were several attempts may an earlier one have had another wamid.
 */
#define IS_CORRELATED_MESSAGE                                                                         \
	"item.kind = 'status' AND item.own IS NOT NULL AND m.id = item.our_id"                            \
	" AND m.created_at = item.made_at AND (m.wamid = item.wamid"                                      \
	"  OR ((m.wamid IS NULL OR m.attempts > 1 OR " WAMID_IS_REMEMBERED(                               \
	    "item.wamid",                                                                                 \
	    "m.id") ")"                                                                                   \
	            " AND (item.recipient IS NULL OR m.recipient_phone IS NULL"                           \
	            "  OR item.recipient IN (right(m.recipient_phone, 7), right(m.wa_id, 7)))"            \
	            " AND (m.attempts > 0 OR NOT item.own OR EXISTS (SELECT FROM @s@.whatsapp_queue AS q" \
	            "  WHERE q.message_id = m.id AND (q.attempts > 0 OR q.state = 'held')))))"

/* The message that a status is about is found by our own correlation first, then by wamid, and
 * never by phone number. A status about a message of an account that is not among those whose
 * secret signed it is stored as foreign, and nothing else is done with it. Most statuses have a
 * correlation: all that the statement needs of their message is read in one visit. */
BatchStatement insert_new_events = {
    "INSERT INTO @s@.whatsapp_events (@columns@, message_id)"
    " SELECT @values@, CASE WHEN NOT found.foreign_message THEN found.id END"
    " FROM @batch@ LEFT JOIN @s@.whatsapp_messages AS m ON " IS_CORRELATED_MESSAGE
    " CROSS JOIN LATERAL (SELECT named.id, named.id IS NOT NULL AND NOT " COUNTS_FOR_ACCOUNT(
        "item.signed_for",
        ACCOUNT_OF_MESSAGE(
            "named.id")) " AS foreign_message"
                         ", named.id IS NOT NULL AND item.is_plain AND"
                         "  CASE WHEN m.id IS NOT NULL THEN " TELLS_STATUS(
                             "m") " ELSE EXISTS (SELECT FROM @s@.whatsapp_messages AS other"
                                  "   WHERE other.id = named.id AND " TELLS_STATUS(
                                      "other") ") END AS told"
                                               " FROM (SELECT coalesce(m.id, CASE WHEN item.kind = 'status' THEN " MESSAGE_OF_WAMID(
                                                   "item.wamid",
                                                   "0") " END) AS id OFFSET 0) AS named OFFSET 0) AS found"
                                                        " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.dedupe_key = item.dedupe_key)"
                                                        " RETURNING dedupe_key, id, message_id, kind = 'foreign'",
    event_columns};

bool
is_key_before(const Event *left, const Event *right)
{
	return memcmp(left->key, right->key, sizeof left->key) < 0;
}

bool
is_same_key(const Event *left, const Event *right)
{
	return memcmp(left->key, right->key, sizeof left->key) == 0;
}

/* events: in order of key, each key once. Writes those that were not there yet to stored, and
 * returns how many. */
std::size_t
insert_events(const Event *const *events, std::size_t count, StoredEvent *stored)
{
	read_known_nonces();
	const Result rows = run_batch_statement(insert_new_events, events, count);
	std::size_t size = 0;
	for (uint64 i = 0; i < rows.count(); i++) {
		Event wanted = {};
		const Datum key = rows.datum_at(i, 1, UUIDOID);
		memcpy(wanted.key, DatumGetUUIDP(key)->data, sizeof wanted.key);
		const Event *const *found =
		    std::lower_bound(events, events + count, &wanted, is_key_before);
		/* a user's trigger has given the row another key: it is none of the events that we know */
		if (found == events + count || !is_same_key(*found, &wanted) || size == count)
			continue;
		if (rows.bool_at(i, 4)) {
			note_foreign_event((*found)->signed_for, (*found)->account_id,
			                   (*found)->phone_number_id);
			continue;
		}
		stored[size++] = {*found, rows.int64_at(i, 2), rows.int64_at(i, 3)};
	}
	return size;
}

MessageStatus
make_message_status(const StoredEvent &stored, std::int64_t now)
{
	MessageStatus status = {stored.message_id, stored.event->report};
	if (status.report.timestamp == 0)
		status.report.timestamp = now;
	return status;
}

enum class StatusWork { apply_now, leave_to_reader };

/* Sorts events. */
void
store_all_events(const Event **events, std::size_t count, StatusWork work)
{
	if (count == 0)
		return;
	std::sort(events, events + count, is_key_before);
	count = static_cast<std::size_t>(std::unique(events, events + count, is_same_key) - events);
	auto *stored = static_cast<StoredEvent *>(palloc(sizeof(StoredEvent) * count));
	const std::size_t size = insert_events(events, count, stored);
	auto *statuses = static_cast<MessageStatus *>(palloc(sizeof(MessageStatus) * (size + 1)));
	Column for_reader(size);
	Column statuses_for_reader(size);
	std::size_t status_count = 0;
	const std::int64_t now = timestamptz_to_time_t(GetCurrentTransactionStartTimestamp());
	for (std::size_t i = 0; i < size; i++) {
		const bool is_status = stored[i].message_id != 0;
		if (is_status && work == StatusWork::leave_to_reader)
			statuses_for_reader.add(Int64GetDatum(stored[i].id));
		else if (is_status)
			statuses[status_count++] = make_message_status(stored[i], now);
		if (reader_wants_event(*stored[i].event))
			for_reader.add(Int64GetDatum(stored[i].id));
	}
	fault_point(FaultPoint::event_inserted);
	apply_statuses(statuses, status_count);
	queue_events(for_reader);
	queue_statuses(statuses_for_reader);
}

} // namespace

void
store_events(const EventRun *runs, std::size_t count)
{
	std::size_t total = 0;
	for (std::size_t i = 0; i < count; i++)
		total += runs[i].count;
	auto **events = static_cast<const Event **>(palloc(sizeof(Event *) * (total + 1)));
	std::size_t place = 0;
	for (std::size_t i = 0; i < count; i++)
		for (std::size_t k = 0; k < runs[i].count; k++)
			events[place++] = runs[i].events + k;
	store_all_events(events, total, StatusWork::apply_now);
}

void
store_event_for_reader(const Event &event)
{
	Event kept = event;
	kept.is_plain = false; /* the reader reads its JSON */
	const Event *events[] = {&kept};
	store_all_events(events, 1, StatusWork::leave_to_reader);
}

bool
store_refused_events(const Event *events, std::size_t count)
{
	/* this lock is held to the end of the transaction, unlike the locks of an event that fails */
	static Statement lock = {"LOCK TABLE @s@.whatsapp_events IN ROW EXCLUSIVE MODE", 0, {}};
	run_statement(lock, Values());
	bool all = true;
	for (std::size_t i = 0; i < count; i++) {
		Problem problem;
		const bool stored = try_body_apart(problem, 0, [&] { store_event_for_reader(events[i]); });
		all = all && (stored || problem_is_repeat(problem));
	}
	return all;
}

void
put_body_aside(const char *bytes, std::size_t size, const char *kind)
{
	static Statement statement = {"INSERT INTO @s@.whatsapp_events (kind, dedupe_key, body)"
	                              " SELECT $3, $1, $2 WHERE NOT EXISTS"
	                              " (SELECT FROM @s@.whatsapp_events AS e WHERE e.dedupe_key = $1)",
	                              3,
	                              {UUIDOID, BYTEAOID, TEXTOID}};
	unsigned char key[sizeof(Event::key)];
	fingerprint_body(bytes, size, key);
	auto *body = static_cast<bytea *>(palloc(size + VARHDRSZ));
	SET_VARSIZE(body, size + VARHDRSZ);
	memcpy(VARDATA(body), bytes, size);
	Values values;
	values.set(0, PointerGetDatum(key));
	values.set(1, PointerGetDatum(body));
	values.set_text(2, kind);
	run_statement(statement, values);
}

} // namespace whatsapp::pg
