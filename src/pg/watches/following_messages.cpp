/*
 * following_messages.cpp — a pending message is changed where it is, the queue's row first, as by
 * everybody who touches both. One that is on the wire, or was sent, is left alone.
 */
#include "pg/watches/following_messages.hpp"

#include <algorithm>

#include "pg/enqueue/cancel_retry.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/text_compare.hpp"
#include "pg/watches/announced_rows.hpp"
#include "pg/watches/status_column.hpp"
#include "pg/watches/watch_query.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* The message that has the key, if any; what of it differs from the announcement. */
struct KnownMessage {
	std::int64_t id; /* 0: none */
	bool waits;      /* in the queue, and not on the wire */
	bool cancelled;
	bool differs;
};

KnownMessage
find_known(const Announcement &announcement)
{
	static Statement statement = {
	    "SELECT m.id, q.state IN ('ready', 'held'), m.status = 'CANCELLED',"
	    " m.recipient_phone IS DISTINCT FROM $4 OR m.payload::text IS DISTINCT FROM $5 OR m.priority <> $6"
	    "  OR q.due_at IS DISTINCT FROM greatest($7, now()) AND q.due_at IS DISTINCT FROM $7"
	    "  OR $8 IS NOT NULL AND q.expires_at IS DISTINCT FROM $8"
	    " FROM @s@.whatsapp_messages AS m LEFT JOIN @s@.whatsapp_queue AS q ON q.message_id = m.id"
	    " WHERE m.sender = $1 AND m.idempotency_key = $2 AND m.enqueued_by = $3",
	    8,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	    true};
	const NewMessage &message = announcement.message;
	Values values;
	values.set_text(0, announcement.sender);
	values.set_text(1, message.idempotency_key);
	values.set_text(2, message.enqueued_by);
	values.set_text(3, message.recipient_phone);
	values.set_text(4, message.payload);
	values.set(5, Int16GetDatum(static_cast<int16>(message.priority)));
	if (message.has_send_at)
		values.set(6, TimestampTzGetDatum(message.send_at));
	if (message.has_expires_at)
		values.set(7, TimestampTzGetDatum(message.expires_at));
	const Result found = run_statement(statement, values);
	if (found.empty())
		return {0, false, false, false};
	return {found.int64_at(0, 1), found.bool_at(0, 2), found.bool_at(0, 3), found.bool_at(0, 4)};
}

} // namespace

bool
move_message(std::int64_t id, const NewMessage &message)
{
	static Statement queue = {
	    "UPDATE @s@.whatsapp_queue AS q SET due_at = greatest($2, now()), expires_at = $3, recipient = $4, priority = $5,"
	    " paced = false WHERE q.message_id = $1 AND q.state IN ('ready', 'held')",
	    5,
	    {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT2OID}};
	static Statement content = {
	    "UPDATE @s@.whatsapp_messages AS m SET expires_at = $2, recipient_phone = $3, priority = $4, payload = $5::json,"
	    " template_name = $6, template_language = $7, reference = $8, message_type = $9 WHERE m.id = $1",
	    9,
	    {INT8OID, TIMESTAMPTZOID, TEXTOID, INT2OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
	    true};
	const TimestampTz due = Max(message.send_at, GetCurrentTransactionStartTimestamp());
	const Datum expires = TimestampTzGetDatum(
	    message.has_expires_at
	        ? message.expires_at
	        : due + static_cast<TimestampTz>(settings.default_ttl) * USECS_PER_SEC);
	const Datum priority = Int16GetDatum(static_cast<int16>(message.priority));
	Values place;
	place.set(0, Int64GetDatum(id));
	place.set(1, TimestampTzGetDatum(message.send_at));
	place.set(2, expires);
	place.set_text(3, message.recipient_phone);
	place.set(4, priority);
	if (run_statement(queue, place).count() == 0)
		return false;
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, expires);
	values.set_text(2, message.recipient_phone);
	values.set(3, priority);
	values.set_text(4, message.payload);
	values.set_text(5, message.template_name);
	values.set_text(6, message.template_language);
	values.set_text(7, message.reference);
	/* the type, too: a message whose window was closed at its turn has become its fallback
	 * template */
	values.set_text(8, message.message_type);
	(void)run_statement(content, values);
	wake_sender_at_commit(due);
	return true;
}

namespace
{

/* Takes the key from a message that was cancelled, so that another one may have it. */
void
free_key(std::int64_t id)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_messages AS m SET idempotency_key = NULL WHERE m.id = $1 AND m.status = 'CANCELLED'",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	(void)run_statement(statement, values);
}

struct Withdrawal {
	std::int64_t id;
	bool frees; /* the key: another message is to have it */
};

/* In the order of the ids, which everybody keeps who locks several messages. */
bool
comes_first(const Withdrawal &left, const Withdrawal &right)
{
	return left.id != right.id ? left.id < right.id : left.frees > right.frees;
}

/* The messages to be cancelled, each once or more. */
struct Withdrawals {
	Withdrawal *list;
	Size count;
	Size room;
};

void
add_withdrawal(Withdrawals &withdrawals, const Withdrawal &one)
{
	if (withdrawals.count == withdrawals.room) {
		withdrawals.room *= 2;
		withdrawals.list = static_cast<Withdrawal *>(
		    repalloc_huge(withdrawals.list, sizeof(Withdrawal) * withdrawals.room));
	}
	withdrawals.list[withdrawals.count++] = one;
}

/* Where messages may be. */
struct KeyPlaces {
	explicit KeyPlaces(std::size_t most) : senders(most), keys(most) {}

	Column senders;
	Column keys;
};

void
find_waiting(const WatchDefinition &watch, const KeyPlaces &places, bool frees,
             Withdrawals &withdrawals)
{
	static Statement statement = {
	    "SELECT m.id FROM ROWS FROM (unnest($1), unnest($2)) AS k (sender, key)"
	    " JOIN @s@.whatsapp_messages AS m ON m.sender = k.sender AND m.idempotency_key = k.key AND m.enqueued_by = $3"
	    " WHERE EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id AND q.state IN ('ready', 'held'))",
	    3,
	    {TEXTARRAYOID, TEXTARRAYOID, TEXTOID}};
	if (places.keys.count() == 0)
		return;
	Values values;
	values.set(0, places.senders.array(TEXTOID));
	values.set(1, places.keys.array(TEXTOID));
	values.set_text(2, watch.owner);
	const Result found = run_statement(statement, values);
	for (uint64 i = 0; i < found.count(); i++)
		add_withdrawal(withdrawals, {found.int64_at(i, 1), frees});
}

void
read_withdrawals(const WatchDefinition &watch, WatchEvent event, const Result &rows,
                 Withdrawals &withdrawals)
{
	const OtherSenders others(watch);
	const std::size_t most = rows.count() * (others.count() + 1);
	KeyPlaces kept(most);
	KeyPlaces freed(most);
	for (uint64 i = 0; i < rows.count(); i++) {
		const char *row_key = rows.text_at(i, withdrawal_row_key);
		const char *key = announcement_key(watch, event, rows.text_at(i, withdrawal_key), row_key);
		const char *old_row_key = rows.text_at(i, withdrawal_old_key);
		const char *old_key = event == WatchEvent::deleted
		                          ? key
		                          : announcement_key(watch, event, old_row_key, old_row_key);
		if (old_key == nullptr || is_silenced(watch, event, row_key))
			continue;
		const char *sender = word_or_value(watch.sender, rows, i, withdrawal_sender);
		const bool wanted = rows.bool_at(i, withdrawal_wanted);
		const bool same_key = is_same_text(old_key, key);
		KeyPlaces &places = wanted || !same_key ? freed : kept;
		others.add(sender, rows.text_at(i, withdrawal_old_sender), old_key, places.senders,
		           places.keys);
		if (wanted && same_key)
			continue;
		places.senders.add_text(sender);
		places.keys.add_text(old_key);
	}
	find_waiting(watch, kept, false, withdrawals);
	find_waiting(watch, freed, true, withdrawals);
}

constexpr int withdrawn_at_once = 200;

/* The results of our statements live until SPI is left, so each chunk has a connection of its
 * own. */
bool
fetch_withdrawals(const WatchDefinition &watch, WatchEvent event, Portal cursor,
                  Withdrawals &withdrawals)
{
	const WatchOwner session = begin_watch_owner(watch);
	const Result rows = fetch_rows(cursor, withdrawn_at_once);
	end_watch_owner(session);
	const bool more = rows.count() == withdrawn_at_once;
	SPI_connect();
	read_withdrawals(watch, event, rows, withdrawals);
	SPI_finish();
	free_rows(rows);
	CHECK_FOR_INTERRUPTS();
	return more;
}

void
withdraw_each(const Withdrawals &withdrawals)
{
	for (Size i = 0; i < withdrawals.count;) {
		SPI_connect();
		for (const Size end = Min(i + withdrawn_at_once, withdrawals.count); i < end; i++)
			if (cancel_message(withdrawals.list[i].id) && withdrawals.list[i].frees)
				free_key(withdrawals.list[i].id);
		SPI_finish();
		CHECK_FOR_INTERRUPTS();
	}
}

/* Whether a message is to be enqueued. */
bool
follow_row(const WatchDefinition &watch, WatchEvent event, const Announcement &announcement)
{
	const NewMessage &message = announcement.message;
	const bool inserted = event == WatchEvent::inserted;
	if (message.idempotency_key == nullptr)
		return inserted;
	const KnownMessage known = find_known(announcement);
	const bool good = announcement.wanted && announcement.refused == nullptr;
	/* a key that an expression makes may be that of another row, which is not to lose its message
	 */
	if (known.waits && inserted && watch.idempotency_key != nullptr)
		return false;
	if (known.waits && !good) {
		if (!cancel_message(known.id))
			return false;
		if (announcement.wanted)
			free_key(known.id);
		/* a refused one is recorded: it tells why there is no message any more */
		return announcement.wanted;
	}
	if (known.waits) {
		if (known.differs)
			(void)move_message(known.id, message);
		return false;
	}
	/* what is refused is recorded when the row did not have this key before */
	const bool tells = good || inserted || announcement.has_new_key;
	if (known.cancelled && tells)
		free_key(known.id);
	return tells && (known.id == 0 || known.cancelled);
}

} // namespace

void
withdraw_messages(const WatchDefinition &watch, const WatchRows &rows, bool &planned)
{
	SPI_connect();
	register_rows(rows);
	const WatchOwner session = begin_watch_owner(watch);
	SPIPlanPtr plan = plan_watch_query(watch, rows, WatchQuery::withdrawals);
	Portal cursor = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
	end_watch_owner(session);
	planned = true;
	Withdrawals withdrawals = {nullptr, 0, withdrawn_at_once};
	withdrawals.list = static_cast<Withdrawal *>(palloc(sizeof(Withdrawal) * withdrawals.room));
	while (fetch_withdrawals(watch, rows.event, cursor, withdrawals))
		;
	SPI_cursor_close(cursor);
	std::sort(withdrawals.list, withdrawals.list + withdrawals.count, comes_first);
	withdraw_each(withdrawals);
	SPI_finish();
}

int
drop_unwanted(Announcement *announcements, int count)
{
	int left = 0;
	for (int i = 0; i < count; i++)
		if (announcements[i].wanted)
			announcements[left++] = announcements[i];
	return left;
}

int
follow_rows(const WatchDefinition &watch, WatchEvent event, Announcement *announcements, int count)
{
	int left = 0;
	for (int i = 0; i < count; i++)
		if (follow_row(watch, event, announcements[i]))
			announcements[left++] = announcements[i];
	return left;
}

} // namespace whatsapp::pg
