/*
 * mark.cpp — what is about to leave, written down before it does; a part of queue.hpp.
 */
#include "pg/queue/queue.hpp"

#include <algorithm>
#include <cstdint>

#include "core/message/limits.hpp"
#include "pg/budgets/budgets.hpp"
#include "pg/queue/claim_holds.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/identity/instance.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/queue/campaign_pauses.hpp"
#include "pg/queue/fallback.hpp"
#include "pg/queue/marketing.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/columns.hpp"
#include "pg/rows/plain_table.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/detoast.h"
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

#define MARK                                                            \
	"UPDATE @s@.whatsapp_queue AS q SET state = 'sending', epoch = $1," \
	" attempts = q.attempts + 1, changed_at = now(), held_by = NULL"
/* Between reading and marking a campaign may have been paused. */
#define NOT_PAUSED(paused) " AND (q.campaign_id IS NULL OR q.campaign_id <> ALL (" paused "))"
#define MARKED                                                                                                   \
	" LEFT JOIN @s@.whatsapp_messages AS m ON m.id = f.id"                                                       \
	" WHERE q.ctid = f.address AND q.message_id = f.id AND q.state = 'ready'" NOT_PAUSED(                        \
	    "$4") " RETURNING q.message_id, q.attempts, m.recipient_phone, m.payload, q.expires_at "                 \
	          "<= now(), q.ctid, m.ctid, coalesce(m.message_type <> 'template', false), m.created_at, q.due_at," \
	          " q.sender, m.template_name, m.template_language, q.priority::int"

/* What has moved since it was read is not marked, and is read again. */
Statement mark_waiting = {MARK " FROM unnest($2, $3) AS f (id, address)" MARKED,
                          4,
                          {INT8OID, INT8ARRAYOID, tid_array_type, INT8ARRAYOID}};

/* The rows are locked in FROM, not in a WITH, which fails where a user has made a rule on the
 * table. */
Statement mark_free = {
    MARK
    " FROM (SELECT r.message_id AS id, r.ctid AS address FROM unnest($2) AS w (id)"
    " JOIN @s@.whatsapp_queue AS r ON r.message_id = w.id WHERE r.state = 'ready' FOR UPDATE OF r SKIP LOCKED) AS f" MARKED,
    4,
    {INT8OID, INT8ARRAYOID, tid_array_type, INT8ARRAYOID}};

/* The queue row's part of a mark: false when it is not ready at its address any more. */
bool
mark_row(PlainTable &queue, const ReadyMessage &candidate, Datum sending, const Instance &instance,
         Claimed &claim)
{
	bool null;
	if (!queue.find_row(candidate.row) ||
	    DatumGetInt64(queue.value_of(queue_column::message_id, null)) != candidate.id ||
	    !is_word(queue.value_of(queue_column::state, null), "ready"))
		return false;
	const Datum campaign = queue.value_of(queue_column::campaign_id, null);
	if (!null && is_campaign_paused(DatumGetInt64(campaign)))
		return false;
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	claim = {};
	claim.id = candidate.id;
	claim.attempt = DatumGetInt32(queue.value_of(queue_column::attempts, null)) + 1;
	claim.expired = DatumGetTimestampTz(queue.value_of(queue_column::expires_at, null)) <= now;
	claim.due_at = DatumGetTimestampTz(queue.value_of(queue_column::due_at, null));
	(void)queue.value_of(queue_column::changed_at, claim.fresh);
	bool is_not_held;
	(void)queue.value_of(queue_column::held_by, is_not_held);
	queue.begin_change();
	/* only where it is set: an index on it holds just these rows */
	if (!is_not_held)
		queue.set_null(queue_column::held_by);
	queue.set_value(queue_column::state, sending);
	queue.set_value(queue_column::attempts, Int32GetDatum(claim.attempt));
	queue.set_value(queue_column::epoch, Int64GetDatum(instance.epoch));
	queue.set_value(queue_column::changed_at, TimestampTzGetDatum(now));
	claim.queue_row = queue.update_row();
	return claim.queue_row != 0;
}

/* The size of the value as it was written (neither compressed nor stored out of line), which the
 * header tells. 0 for NULL. */
std::size_t
size_of(PlainTable &table, int column)
{
	bool null;
	const Datum value = table.value_of(column, null);
	return null ? 0 : toast_raw_datum_size(value) - VARHDRSZ;
}

bool
is_too_large(std::size_t phone, std::size_t payload)
{
	return phone > limits::phone.bytes || payload > max_payload_bytes;
}

const char *
text_of(PlainTable &table, int column)
{
	bool null;
	const Datum value = table.value_of(column, null);
	return null ? nullptr : TextDatumGetCString(value);
}

void
read_for_price(PlainTable &messages, Claimed &claim)
{
	bool null;
	claim.sender = text_of(messages, message_column::sender);
	claim.template_name = text_of(messages, message_column::template_name);
	claim.template_language = text_of(messages, message_column::template_language);
	claim.priority = DatumGetInt16(messages.value_of(message_column::priority, null));
}

/* The message's part of a mark. Returns the bytes of its payload. */
std::size_t
read_message(PlainTable &messages, Claimed &claim, bool priced, MemoryContext memory)
{
	const std::size_t size = size_of(messages, message_column::payload);
	bool null;
	claim.message_row = messages.address();
	claim.made_at = DatumGetTimestampTz(messages.value_of(message_column::created_at, null));
	claim.too_large = is_too_large(size_of(messages, message_column::recipient_phone), size);
	if (claim.too_large)
		return 0;
	MemoryContext before = MemoryContextSwitchTo(memory);
	claim.phone = text_of(messages, message_column::recipient_phone);
	claim.payload = text_of(messages, message_column::payload);
	if (priced)
		read_for_price(messages, claim);
	MemoryContextSwitchTo(before);
	const Datum type = messages.value_of(message_column::message_type, null);
	claim.free_form = !null && !is_word(type, "template");
	return size;
}

/* What mark_waiting does, without a plan. */
bool
mark_directly(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
              std::size_t bytes, bool priced, Claims &claims, MemoryContext memory)
{
	PlainTable queue;
	PlainTable messages;
	if (!queue.open_table(queue_shape, reads | updates))
		return false;
	if (!messages.open_table(messages_shape, reads)) {
		queue.close_table();
		return false;
	}
	const Datum sending = CStringGetTextDatum("sending");
	claims = {static_cast<Claimed *>(MemoryContextAlloc(memory, sizeof(Claimed) * (count + 1))), 0,
	          0};
	std::size_t used = 0;
	for (; claims.looked_at < count && (used < bytes || claims.count == 0); claims.looked_at++) {
		Claimed &claim = claims.rows[claims.count];
		if (!mark_row(queue, candidates[claims.looked_at], sending, instance, claim))
			continue;
		claims.count++;
		if (messages.find_by_id(message_column::id, claim.id))
			used += read_message(messages, claim, priced, memory);
	}
	messages.close_table();
	queue.close_table();
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

/* Meta opens a window of 24 hours with each message that a user writes. Outside of it only
 * templates may be sent. */
void
note_closed_windows(Claims &claims, MemoryContext memory)
{
	static Statement statement = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) AND m.message_type <> 'template'"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_windows AS w"
	    "  WHERE w.contact = @s@.wa_contact_key(m.recipient_phone) AND w.sender = m.sender"
	    "  AND w.last_inbound_at > now() - interval '24 hours')",
	    1,
	    {INT8ARRAYOID}};
	note_claims(claims, statement, &Claimed::window_closed);
	if (std::any_of(claims.rows, claims.rows + claims.count,
	                [](const Claimed &claim) { return claim.window_closed; }))
		take_fallbacks(claims, memory);
}

/* A line in the log once a minute, since they are tried again every few seconds. */
void
tell_of_left_out(const Values &candidates)
{
	static Statement left = {
	    "SELECT 1 FROM unnest($2, $3) AS f (id, address) JOIN @s@.whatsapp_queue AS q ON q.message_id = f.id"
	    " WHERE q.ctid = f.address AND q.state = 'ready'" NOT_PAUSED("$4") " LIMIT 1",
	    4,
	    {INT8OID, INT8ARRAYOID, tid_array_type, INT8ARRAYOID}};
	static TimestampTz told_at = 0;
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	if (now - told_at < tell_again_us || run_statement(left, candidates).empty())
		return;
	told_at = now;
	ereport(
	    LOG,
	    (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
	     errmsg("WhatsApp messages are not sent: their rows of whatsapp_queue cannot be changed"),
	     errdetail("A trigger or a rule on the table has left them out."),
	     errhint("See \\d whatsapp_queue. They are tried again every few seconds.")));
}

/* How many of the candidates have so many bytes of payload together. Their sizes stand in the rows'
 * headers: no payload is fetched. */
std::size_t
count_within(const ReadyMessage *candidates, std::size_t count, std::size_t bytes)
{
	static Statement statement = {
	    "SELECT m.id, m.payload FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) ORDER BY m.id",
	    1,
	    {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		ids.add(Int64GetDatum(candidates[i].id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	std::size_t used = 0;
	for (uint64 i = 0; i < rows.count(); i++) {
		const std::size_t size = rows.size_at(i, 2);
		used += size > max_payload_bytes ? 0 : size;
		if (used >= bytes)
			return static_cast<std::size_t>(
			    std::lower_bound(
			        candidates, candidates + count, rows.int64_at(i, 1),
			        [](const ReadyMessage &one, std::int64_t id) { return one.id < id; }) -
			    candidates + 1);
	}
	return count;
}

Claims
mark_by_statement(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
                  std::size_t bytes, bool careful, MemoryContext memory)
{
	count = count_within(candidates, count, bytes);
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
	values.set(3, paused_campaigns());
	const Result rows = run_statement(careful ? mark_free : mark_waiting, values);
	Claims claims = {nullptr, rows.count(), count};
	/* where `careful` is set, some may be missing only because somebody has locked them */
	if (claims.count < count && !careful)
		tell_of_left_out(values);

	MemoryContext before = MemoryContextSwitchTo(memory);
	claims.rows = static_cast<Claimed *>(palloc(sizeof(Claimed) * (claims.count + 1)));
	for (std::size_t i = 0; i < claims.count; i++) {
		const bool too_large = is_too_large(rows.size_at(i, 3), rows.size_at(i, 4));
		claims.rows[i] = {rows.int64_at(i, 1),
		                  address_at(rows, i, 6),
		                  address_at(rows, i, 7),
		                  rows.int32_at(i, 2),
		                  too_large ? nullptr : rows.text_at(i, 3),
		                  too_large ? nullptr : rows.text_at(i, 4),
		                  rows.bool_at(i, 5),
		                  false,
		                  rows.bool_at(i, 8),
		                  false,
		                  rows.int64_at(i, 9),
		                  rows.int64_at(i, 10),
		                  too_large,
		                  rows.text_at(i, 11),
		                  rows.text_at(i, 12),
		                  rows.text_at(i, 13),
		                  rows.int32_at(i, 14),
		                  false,
		                  false,
		                  nullptr,
		                  0};
	}
	MemoryContextSwitchTo(before);
	std::sort(claims.rows, claims.rows + claims.count,
	          [](const Claimed &left, const Claimed &right) { return left.id < right.id; });
	return claims;
}

} // namespace

Claims
mark_messages(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
              std::size_t bytes, bool careful, MemoryContextData *memory)
{
	Claims claims;
	const bool budgets = any_budgets();
	const bool marketing = look_at_marketing();
	if (careful ||
	    !mark_directly(instance, candidates, count, bytes, budgets || marketing, claims, memory))
		claims = mark_by_statement(instance, candidates, count, bytes, careful, memory);
	if (settings.check_opt_outs && claims.count > 0 && any_opt_outs())
		note_opted_out(claims);
	if (settings.check_windows && std::any_of(claims.rows, claims.rows + claims.count,
	                                          [](const Claimed &claim) { return claim.free_form; }))
		note_closed_windows(claims, memory);
	if (marketing)
		note_marketing(claims);
	if (budgets || marketing)
		hold_claims(claims, budgets);
	fault_point(FaultPoint::claimed, claims.count);
	return claims;
}

} // namespace whatsapp::pg
