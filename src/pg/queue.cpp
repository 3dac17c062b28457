/*
 * queue.cpp — claims and the life of the sender's epoch.
 */
#include "pg/queue.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/settings.hpp"
#include "pg/shmem.hpp"

#include "pg/statement.hpp"

extern "C" {
#include "access/xlog.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

const char *
system_identifier()
{
	return psprintf(UINT64_FORMAT, GetSystemIdentifier());
}

void
set_identity(Values &values, int place)
{
	values.set_text(place, system_identifier());
	values.set(place + 1, ObjectIdGetDatum(MyDatabaseId));
}

void
make_instance()
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_instances (nonce, system_identifier, database_oid, released_restore) SELECT $1, $2, $3, $4"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_instances WHERE system_identifier = $2 AND database_oid = $3)",
	    4,
	    {TEXTOID, TEXTOID, OIDOID, TEXTOID}};
	unsigned char random[8];
	char nonce[2 * sizeof random + 1];
	if (!pg_strong_random(random, sizeof random))
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random value")));
	hex_encode(reinterpret_cast<const char *>(random), sizeof random, nonce);
	nonce[sizeof nonce - 1] = '\0';
	Values values;
	values.set_text(0, nonce);
	set_identity(values, 1);
	/* what is born after a restore has nothing to be held */
	values.set_text(3, restore_id());
	run(statement, values);
}

void
hold_queue()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue SET state = 'held', changed_at = now() WHERE state <> 'held'",
	    0,
	    {}};
	const uint64 held = run(statement, Values());
	if (held > 0)
		ereport(
		    WARNING,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg(
		         "pending WhatsApp messages are held: the sender was away for longer than whatsapp.resume_gap"),
		     errdetail("Messages that were queued before: " UINT64_FORMAT ". New ones are sent.",
		               held),
		     errhint("Look at whatsapp_queue, then call wa_release().")));
}

/* A message that ends its sender must not end it for ever: the others are to flow. */
void
park_poison()
{
	static Statement statement = {
	    "WITH poison AS (DELETE FROM @s@.whatsapp_queue WHERE crashes >= 3 RETURNING message_id, attempts)"
	    " UPDATE @s@.whatsapp_messages AS m SET status = 'FAILED', failed_at = now(), attempts = poison.attempts,"
	    "  error_message = 'parked: the sender ended three times while it was sending this message',"
	    "  hint = 'The server log tells why it ended. wa_retry() sends the message again.'"
	    " FROM poison WHERE m.id = poison.message_id AND m.status = 'PENDING'",
	    0,
	    {}};
	run(statement, Values());
}

/* Rows of another instance (a restored dump, a TEMPLATE copy), or a cluster restored from a base
 * backup, and nobody has said yes yet. */
bool
is_held()
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_instances WHERE"
	    " CASE WHEN system_identifier = $1 AND database_oid = $2 THEN $3 <> '' AND released_restore IS DISTINCT FROM $3"
	    "  ELSE released_at IS NULL END LIMIT 1",
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	Values values;
	set_identity(values, 0);
	values.set_text(2, restore_id());
	return run(statement, values) > 0;
}

void
set_allowances(Values &values, int place, const Allowance *allowances, std::size_t count)
{
	auto *names = static_cast<Datum *>(palloc(sizeof(Datum) * (count + 1)));
	auto *messages = static_cast<Datum *>(palloc(sizeof(Datum) * (count + 1)));
	for (std::size_t i = 0; i < count; i++) {
		names[i] = CStringGetTextDatum(allowances[i].sender);
		messages[i] = Int32GetDatum(allowances[i].messages);
	}
	const int size = static_cast<int>(count);
	values.set(place,
	           PointerGetDatum(construct_array(names, size, TEXTOID, -1, false, TYPALIGN_INT)));
	values.set(place + 1,
	           PointerGetDatum(construct_array(messages, size, INT4OID, 4, true, TYPALIGN_INT)));
}

Claimed
copy_row(uint64 row)
{
	bool null;
	Claimed claimed;
	claimed.id = int64_column(row, 1);
	claimed.attempt = DatumGetInt32(column(row, 2, null));
	claimed.sender = text_column(row, 3);
	claimed.phone_number_id = text_column(row, 4);
	claimed.account = text_column(row, 5);
	claimed.api_version = text_column(row, 6);
	claimed.phone = text_column(row, 7);
	claimed.payload = text_column(row, 8);
	claimed.expired = DatumGetBool(column(row, 9, null));
	claimed.per_second = DatumGetInt32(column(row, 10, null));
	return claimed;
}

} // namespace

void
begin_epoch(Instance &instance)
{
	make_instance();

	static Statement raise_epoch = {
	    "UPDATE @s@.whatsapp_instances AS i SET epoch = i.epoch + 1, heartbeat_at = now(), stopped_cleanly = false"
	    " FROM (SELECT ctid, heartbeat_at, stopped_cleanly FROM @s@.whatsapp_instances"
	    "  WHERE system_identifier = $1 AND database_oid = $2 LIMIT 1 FOR UPDATE) AS before WHERE i.ctid = before.ctid"
	    " RETURNING i.nonce, i.epoch, NOT before.stopped_cleanly AND before.heartbeat_at < now() - make_interval(secs => $3),"
	    "  before.stopped_cleanly",
	    3,
	    {TEXTOID, OIDOID, FLOAT8OID}};
	Values values;
	set_identity(values, 0);
	values.set(2, Float8GetDatum(settings.resume_gap));
	run(raise_epoch, values);
	strlcpy(instance.nonce, text_column(0, 1), sizeof instance.nonce);
	instance.epoch = int64_column(0, 2);
	bool null;
	const Datum gap = column(0, 3, null);
	const bool long_gap = !null && DatumGetBool(gap);
	const bool clean = DatumGetBool(column(0, 4, null));
	if (long_gap)
		hold_queue();
	instance.held = is_held();

	/* The grace of what is in doubt already begins anew, too: while the server was down, no webhook
	 * could come. */
	static Statement doubt = {
	    "UPDATE @s@.whatsapp_queue SET state = 'unknown', changed_at = now(), crashes = crashes + (state = 'sending' AND NOT $1)::int"
	    " WHERE state IN ('sending', 'unknown')",
	    1,
	    {BOOLOID}};
	Values doubted;
	doubted.set(0, BoolGetDatum(clean));
	run(doubt, doubted);
	park_poison();
}

void
beat(const Instance &instance, bool stopping)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_instances SET heartbeat_at = now(), stopped_cleanly = $2 WHERE nonce = $1",
	    2,
	    {TEXTOID, BOOLOID}};
	Values values;
	values.set_text(0, instance.nonce);
	values.set(1, BoolGetDatum(stopping));
	run(statement, values);
}

Claims
claim(const Instance &instance, int limit, const Allowance *allowances, std::size_t allowance_count,
      MemoryContextData *memory)
{
	/* A sender that probes after a pause gets one message on the wire at a time; each other one its
	 * share, whatever the rest has piled up. */
	static Statement statement = {
	    "WITH active AS ("
	    "  SELECT s.name, s.phone_number_id, s.account, a.api_version, s.paused_reason IS NOT NULL AS probing,"
	    "    coalesce(s.messages_per_second, $5) AS per_second"
	    "  FROM @s@.whatsapp_senders AS s LEFT JOIN @s@.whatsapp_accounts AS a ON a.name = s.account"
	    "  WHERE s.enabled AND (s.paused_until IS NULL OR s.paused_until <= now())"
	    "  UNION ALL SELECT 'default', NULL, NULL, NULL, false, $5"
	    "  WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = 'default')"
	    "), picked AS ("
	    "  SELECT ready.message_id, active.* FROM active LEFT JOIN unnest($3, $4) AS paced (name, allowed) USING (name)"
	    "  CROSS JOIN LATERAL ("
	    "    SELECT q.message_id FROM @s@.whatsapp_queue AS q"
	    "    WHERE q.sender = active.name AND q.state = 'ready' AND q.due_at <= now()"
	    "    ORDER BY q.due_at, q.message_id LIMIT CASE WHEN active.probing THEN 1"
	    "      ELSE least($2, coalesce(paced.allowed, nullif(active.per_second, 0), $2)) END"
	    "    FOR UPDATE SKIP LOCKED) AS ready"
	    "  WHERE NOT active.probing OR NOT EXISTS ("
	    "    SELECT FROM @s@.whatsapp_queue AS busy WHERE busy.state = 'sending' AND busy.sender = active.name)"
	    "  LIMIT $2"
	    ") UPDATE @s@.whatsapp_queue AS q"
	    " SET state = 'sending', epoch = $1, attempts = q.attempts + 1, changed_at = now()"
	    " FROM picked LEFT JOIN @s@.whatsapp_messages AS m ON m.id = picked.message_id"
	    " WHERE q.message_id = picked.message_id"
	    " RETURNING q.message_id, q.attempts, picked.name, picked.phone_number_id, picked.account,"
	    "  picked.api_version, m.recipient_phone, m.payload::text, q.expires_at <= now(), picked.per_second",
	    5,
	    {INT8OID, INT8OID, TEXTARRAYOID, INT4ARRAYOID, INT4OID}};

	Claims claims = {nullptr, 0, instance};
	claims.instance.held = is_held();
	if (claims.instance.held)
		return claims;
	/* released: under the identity that wa_release() made */
	if (instance.held)
		begin_epoch(claims.instance);
	Values values;
	values.set(0, Int64GetDatum(claims.instance.epoch));
	values.set(1, Int64GetDatum(limit));
	set_allowances(values, 2, allowances, allowance_count);
	values.set(4, Int32GetDatum(settings.messages_per_second));
	claims.count = run(statement, values);

	MemoryContext before = MemoryContextSwitchTo(memory);
	claims.rows = static_cast<Claimed *>(palloc(sizeof(Claimed) * (claims.count + 1)));
	for (std::size_t i = 0; i < claims.count; i++)
		claims.rows[i] = copy_row(i);
	MemoryContextSwitchTo(before);
	std::sort(claims.rows, claims.rows + claims.count,
	          [](const Claimed &left, const Claimed &right) { return left.id < right.id; });
	return claims;
}

std::uint64_t
resolve_unknown(const Instance &instance)
{
	if (instance.held)
		return 0;
	/* auto: "webhooks are flowing" when one came after the outcome was lost and the grace has
	 * passed since, too; the first ones after an outage of the listener come in any order, and the
	 * missing one may be among them. */
	static Statement retry = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'ready', due_at = now(), changed_at = now()"
	    " WHERE q.state = 'unknown' AND q.changed_at <= now() - make_interval(secs => $1)"
	    "  AND ($2 = 'retry' OR ($2 = 'auto' AND EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.kind = 'status'"
	    "   AND e.received_at > q.changed_at AND e.received_at <= now() - make_interval(secs => $1))))",
	    2,
	    {FLOAT8OID, TEXTOID}};
	static Statement fail = {
	    "WITH lost AS (DELETE FROM @s@.whatsapp_queue AS q WHERE q.state = 'unknown'"
	    "  AND q.changed_at <= now() - make_interval(secs => $1)"
	    "  AND ($2 = 'fail' OR NOT EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.kind = 'status'"
	    "   AND e.received_at > q.changed_at)) RETURNING q.message_id, q.attempts)"
	    " UPDATE @s@.whatsapp_messages AS m SET status = 'FAILED', failed_at = now(), attempts = lost.attempts,"
	    "  error_message = 'outcome unknown: the request left, no answer and no status webhook came',"
	    "  hint = 'Ask the recipient or look into WhatsApp Manager whether it arrived; send it again if not. Status webhooks settle this by themselves: see whatsapp.listen.'"
	    " FROM lost WHERE m.id = lost.message_id AND m.status = 'PENDING'",
	    2,
	    {FLOAT8OID, TEXTOID}};
	static const char *const policies[] = {"auto", "retry", "fail"};
	Values values;
	values.set(0, Float8GetDatum(settings.unknown_grace));
	values.set_text(1, policies[settings.unknown_policy]);
	const std::uint64_t retried = run(retry, values);
	run(fail, values);
	return retried;
}

std::int64_t
next_due_ms()
{
	static Statement statement = {
	    "SELECT ceil(extract(epoch FROM min(due) - clock_timestamp()) * 1000)::bigint FROM ("
	    "  SELECT greatest(first.due_at, active.paused_until) AS due FROM ("
	    "    SELECT name, paused_until FROM @s@.whatsapp_senders WHERE enabled"
	    "    UNION SELECT 'default', NULL WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = 'default')"
	    "  ) AS active CROSS JOIN LATERAL ("
	    "    SELECT q.due_at FROM @s@.whatsapp_queue AS q WHERE q.sender = active.name AND q.state = 'ready'"
	    "    ORDER BY q.due_at LIMIT 1) AS first) AS waiting",
	    0,
	    {}};
	run(statement, Values());
	bool null;
	const Datum due = column(0, 1, null);
	if (null)
		return -1;
	return Max(DatumGetInt64(due), 0);
}

void
end_pauses()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders SET paused_until = now() WHERE paused_until > now() AND paused_reason IS NOT NULL",
	    0,
	    {}};
	run(statement, Values());
}

bool
resume(const char *sender)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders SET paused_until = NULL, paused_reason = NULL, paused_hint = NULL, pauses = 0"
	    " WHERE name = $1 AND (paused_until IS NOT NULL OR paused_reason IS NOT NULL)",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	return run(statement, values) > 0;
}

namespace
{

/* the other kind of hold: see begin_epoch() */
std::uint64_t
release_queue()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue SET state = 'ready', changed_at = now() WHERE state = 'held'",
	    0,
	    {}};
	return run(statement, Values());
}

void
become_own_instance()
{
	/* What was restored from a base backup has the very identity of its original, which may still
	 * be at work: from here on this is another instance, so that the two never share a correlation.
	 * The old row stays, for webhooks about older messages. */
	static Statement disown = {
	    "UPDATE @s@.whatsapp_instances SET released_at = coalesce(released_at, now()),"
	    "  system_identifier = CASE WHEN system_identifier = $1 AND database_oid = $2 THEN 'before ' || $3 ELSE system_identifier END"
	    " WHERE system_identifier <> $1 OR database_oid <> $2 OR ($3 <> '' AND released_restore IS DISTINCT FROM $3)",
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	Values values;
	set_identity(values, 0);
	values.set_text(2, restore_id());
	run(disown, values);
	make_instance();
}

} // namespace

std::int64_t
release()
{
	const bool held = is_held();
	if (held)
		become_own_instance();
	if (release_queue() == 0 && !held)
		return 0;
	static Statement waiting = {"SELECT count(*) FROM @s@.whatsapp_queue", 0, {}};
	run(waiting, Values());
	return int64_column(0, 1);
}

} // namespace whatsapp::pg
