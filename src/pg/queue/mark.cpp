/*
 * mark.cpp — what is about to leave, written down before it does; a part of queue.hpp.
 */
#include "pg/queue/queue.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/server/fault_point.hpp"
#include "pg/identity/instance.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/columns.hpp"
#include "pg/rows/plain_table.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t tell_again_us = 60 * USECS_PER_SEC;

#define MARK                         \
	"UPDATE @s@.whatsapp_queue AS q" \
	" SET state = 'sending', epoch = $1, attempts = q.attempts + 1, changed_at = now()"
#define MARKED                                                                         \
	" LEFT JOIN @s@.whatsapp_messages AS m ON m.id = f.id"                             \
	" WHERE q.ctid = f.address AND q.message_id = f.id AND q.state = 'ready'"          \
	" RETURNING q.message_id, q.attempts, m.recipient_phone, m.payload, q.expires_at " \
	"<= now(), q.ctid, m.ctid, coalesce(m.message_type <> 'template', false), m.created_at"

/* What has moved since it was read is not marked, and is read again. */
Statement mark_waiting = {MARK " FROM unnest($2, $3) AS f (id, address)" MARKED,
                          3,
                          {INT8OID, INT8ARRAYOID, tid_array_type}};

/* In FROM and not in a WITH, which is an error where a user has made a rule. */
Statement mark_free = {
    MARK
    " FROM (SELECT r.message_id AS id, r.ctid AS address FROM unnest($2) AS w (id)"
    " JOIN @s@.whatsapp_queue AS r ON r.message_id = w.id WHERE r.state = 'ready' FOR UPDATE OF r SKIP LOCKED) AS f" MARKED,
    3,
    {INT8OID, INT8ARRAYOID, tid_array_type}};

/* The queue row's part of a mark: false when it is not ready at its address any more. */
bool
mark_row(PlainTable &queue, const ReadyMessage &candidate, Datum sending, const Instance &instance,
         Claimed &claim)
{
	bool null;
	if (!queue.find(candidate.row) ||
	    DatumGetInt64(queue.get(queue_column::message_id, null)) != candidate.id ||
	    !is_word(queue.get(queue_column::state, null), "ready"))
		return false;
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	claim = {};
	claim.id = candidate.id;
	claim.attempt = DatumGetInt32(queue.get(queue_column::attempts, null)) + 1;
	claim.expired = DatumGetTimestampTz(queue.get(queue_column::expires_at, null)) <= now;
	queue.begin_change();
	queue.set(queue_column::state, sending);
	queue.set(queue_column::attempts, Int32GetDatum(claim.attempt));
	queue.set(queue_column::epoch, Int64GetDatum(instance.epoch));
	queue.set(queue_column::changed_at, TimestampTzGetDatum(now));
	claim.queue_row = queue.update();
	return claim.queue_row != 0;
}

const char *
text_of(PlainTable &table, int column)
{
	bool null;
	const Datum value = table.get(column, null);
	return null ? nullptr : TextDatumGetCString(value);
}

/* What mark_waiting does, without a plan. */
bool
mark_directly(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
              Claims &claims, MemoryContext memory)
{
	PlainTable queue;
	PlainTable messages;
	if (!queue.open(queue_shape, reads | updates))
		return false;
	if (!messages.open(messages_shape, reads)) {
		queue.close();
		return false;
	}
	const Datum sending = CStringGetTextDatum("sending");
	claims = {static_cast<Claimed *>(MemoryContextAlloc(memory, sizeof(Claimed) * (count + 1))), 0};
	for (std::size_t i = 0; i < count; i++) {
		Claimed &claim = claims.rows[claims.count];
		if (!mark_row(queue, candidates[i], sending, instance, claim))
			continue;
		claims.count++;
		if (!messages.find_by_id(message_column::id, claim.id))
			continue;
		bool null;
		claim.message_row = messages.address();
		claim.made_at = DatumGetTimestampTz(messages.get(message_column::created_at, null));
		MemoryContext before = MemoryContextSwitchTo(memory);
		claim.phone = text_of(messages, message_column::recipient_phone);
		claim.payload = text_of(messages, message_column::payload);
		const Datum type = messages.get(message_column::message_type, null);
		claim.free_form = !null && !is_word(type, "template");
		MemoryContextSwitchTo(before);
	}
	messages.close();
	queue.close();
	return true;
}

/* Sets the flag of those claims that the statement names. */
void
note_claims(const Claims &claims, Statement &statement, bool Claimed::*flag)
{
	Column ids(claims.count);
	for (std::size_t i = 0; i < claims.count; i++)
		ids.add(Int64GetDatum(claims.rows[i].id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result found = run_statement(statement, values);
	for (uint64 i = 0; i < found.count(); i++)
		std::lower_bound(
		    claims.rows, claims.rows + claims.count, found.int64_at(i, 1),
		    [](const Claimed &claim, std::int64_t id) {
			    return claim.id < id;
		    })->*flag = true;
}

void
note_opted_out(const Claims &claims)
{
	static Statement statement = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND " RECIPIENT_OPTED_OUT,
	    1,
	    {INT8ARRAYOID}};
	note_claims(claims, statement, &Claimed::opted_out);
}

/* The platform opens a window of 24 hours with each message of a user. */
void
note_closed_windows(const Claims &claims)
{
	static Statement statement = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.message_type <> 'template'"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_windows AS w"
	    "  WHERE w.contact = @s@.wa_contact_key(m.recipient_phone) AND w.sender = m.sender"
	    "  AND w.last_inbound_at > now() - interval '24 hours')",
	    1,
	    {INT8ARRAYOID}};
	note_claims(claims, statement, &Claimed::window_closed);
}

/* Once in a while: they are tried again every few seconds. */
void
tell_of_left_out(const Values &candidates)
{
	static Statement left = {
	    "SELECT 1 FROM unnest($2, $3) AS f (id, address) JOIN @s@.whatsapp_queue AS q ON q.message_id = f.id"
	    " WHERE q.ctid = f.address AND q.state = 'ready' LIMIT 1",
	    3,
	    {INT8OID, INT8ARRAYOID, tid_array_type}};
	static TimestampTz told_at = 0;
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	if (now - told_at < tell_again_us || run_statement(left, candidates).empty())
		return;
	told_at = now;
	ereport(LOG,
	        (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
	         errmsg("messages are not sent because their rows of whatsapp_queue cannot be changed"),
	         errdetail("A trigger or a rule on the table has left them out."),
	         errhint("See \\d whatsapp_queue. They are tried again every few seconds.")));
}

Claims
mark_by_statement(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
                  bool careful, MemoryContext memory)
{
	Column ids(count);
	Column addresses(count);
	for (std::size_t i = 0; i < count; i++) {
		ids.add(Int64GetDatum(candidates[i].id));
		addresses.add_address(candidates[i].row);
	}
	Values values;
	values.set(0, Int64GetDatum(instance.epoch));
	values.set(1, ids.array(INT8OID));
	values.set(2, addresses.array(TIDOID));
	const Result rows = run_statement(careful ? mark_free : mark_waiting, values);
	Claims claims = {nullptr, rows.count()};
	/* what somebody has locked is passed over, too, where care is taken */
	if (claims.count < count && !careful)
		tell_of_left_out(values);

	MemoryContext before = MemoryContextSwitchTo(memory);
	claims.rows = static_cast<Claimed *>(palloc(sizeof(Claimed) * (claims.count + 1)));
	for (std::size_t i = 0; i < claims.count; i++) {
		claims.rows[i] = {rows.int64_at(i, 1),    address_at(rows, i, 6),
		                  address_at(rows, i, 7), rows.int32_at(i, 2),
		                  rows.text_at(i, 3),     rows.text_at(i, 4),
		                  rows.bool_at(i, 5),     false,
		                  rows.bool_at(i, 8),     false,
		                  rows.int64_at(i, 9)};
	}
	MemoryContextSwitchTo(before);
	std::sort(claims.rows, claims.rows + claims.count,
	          [](const Claimed &left, const Claimed &right) { return left.id < right.id; });
	return claims;
}

} // namespace

Claims
mark_messages(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
              bool careful, MemoryContextData *memory)
{
	Claims claims;
	if (careful || !mark_directly(instance, candidates, count, claims, memory))
		claims = mark_by_statement(instance, candidates, count, careful, memory);
	if (settings.check_opt_outs && claims.count > 0 && any_opt_outs())
		note_opted_out(claims);
	if (settings.check_windows && std::any_of(claims.rows, claims.rows + claims.count,
	                                          [](const Claimed &claim) { return claim.free_form; }))
		note_closed_windows(claims);
	fault_point(FaultPoint::claimed, claims.count);
	return claims;
}

} // namespace whatsapp::pg
