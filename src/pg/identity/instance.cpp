/*
 * instance.cpp — identity, epochs and holds.
 */
#include "pg/identity/instance.hpp"

#include <cstdint>

#include "pg/server/bells.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/identity/restore_hold.hpp"
#include "pg/rows/own_table.hpp"

#include "pg/server/milliseconds.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/worker.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
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

OwnTable instances("whatsapp_instances");

const char *
make_nonce()
{
	unsigned char random[max_nonce_length / 2];
	if (!pg_strong_random(random, sizeof random))
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random value")));
	auto *nonce = static_cast<char *>(palloc0(max_nonce_length + 1));
	hex_encode(reinterpret_cast<const char *>(random), sizeof random, nonce);
	return nonce;
}

void
make_instance()
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_instances (nonce, system_identifier, database_oid, released_restore, table_oid) SELECT $1, $2, $3, $4, $5"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_instances AS i WHERE " IS_OWN_INSTANCE(
	        "i", "$2", "$3") ")",
	    5,
	    {TEXTOID, TEXTOID, OIDOID, TEXTOID, OIDOID}};
	Values values;
	values.set_text(0, make_nonce());
	set_identity(values, 1);
	/* an instance that begins after the restore has nothing to be held */
	values.set_text(3, restore_id());
	values.set(4, ObjectIdGetDatum(find_own_table(instances)));
	run_statement(statement, values);
}

/* After a promotion. The old nonce stays, for webhooks about what was sent under it. */
void
change_nonce()
{
	static Statement keep = {
	    "INSERT INTO @s@.whatsapp_instances (nonce, system_identifier, database_oid, table_oid, epoch, created_at, released_at)"
	    " SELECT i.nonce, 'before ' || $3, i.database_oid, i.table_oid, i.epoch, i.created_at, now()"
	    " FROM @s@.whatsapp_instances AS i WHERE " IS_OWN_INSTANCE("i", "$1", "$2"),
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	static Statement change = {
	    "UPDATE @s@.whatsapp_instances AS i SET nonce = $3 WHERE " IS_OWN_INSTANCE("i", "$1", "$2"),
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	Values values;
	set_identity(values, 0);
	values.set_text(2, make_nonce());
	run_statement(keep, values);
	run_statement(change, values);
}

void
hold_queue()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue SET state = 'held', changed_at = now() WHERE state <> 'held'",
	    0,
	    {}};
	/* of which no message was made yet, as far as this database knows */
	static Statement items = {
	    "UPDATE @s@.whatsapp_watch_items SET held = true WHERE message_id IS NULL AND NOT held",
	    0,
	    {}};
	const uint64 held =
	    run_statement(statement, Values()).count() + run_statement(items, Values()).count();
	if (held > 0)
		ereport(
		    WARNING,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg(
		         "pending WhatsApp messages are held: the sender was away for longer than whatsapp.resume_gap"),
		     errdetail("Database \"%s\"; messages that were queued before: " UINT64_FORMAT
		               ". New ones are sent.",
		               worker_database_name(), held),
		     errhint("Look at whatsapp_held, then call wa_release().")));
}

/* A promotion: webhooks may settle what the dead primary had sent and this database never heard of.
 * Kept in the table, so that a restart of the sender does not cut it short. */
std::int64_t
read_quarantine_ms(const Instance &instance, int place)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_instances AS i"
	    " SET quarantine_until = CASE WHEN $2 THEN now() + make_interval(secs => $3) ELSE i.quarantine_until END"
	    " WHERE i.nonce = $1 AND ($2 OR i.quarantine_until > now())"
	    " RETURNING " MILLISECONDS_UNTIL("i.quarantine_until", "now()"),
	    3,
	    {TEXTOID, BOOLOID, FLOAT8OID}};
	Values values;
	values.set_text(0, instance.nonce);
	values.set(1, BoolGetDatum(was_promoted(place)));
	values.set(2, Float8GetDatum(settings.failover_quarantine));
	const Result left = run_statement(statement, values);
	return left.empty() ? 0 : left.int64_at(0, 1);
}

} // namespace

void
set_identity(Values &values, int place)
{
	values.set_text(place, system_identifier());
	values.set(place + 1, ObjectIdGetDatum(MyDatabaseId));
}

bool
instance_is_held()
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_instances AS i WHERE CASE WHEN " IS_OWN_INSTANCE(
	        "i", "$1", "$2") " THEN " IS_RESTORED("i",
	                                              "$3") " ELSE i.released_at IS NULL END LIMIT 1",
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	Values values;
	set_identity(values, 0);
	values.set_text(2, restore_id());
	return !run_statement(statement, values).empty();
}

/* The sender writes the end of the quarantine into the table, and only then forgets the promotion:
 * one of the two tells of it at any time. */
bool
is_quarantined(int place)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_instances AS i WHERE " IS_OWN_INSTANCE(
	        "i", "$1", "$2") " AND i.quarantine_until > now() LIMIT 1",
	    2,
	    {TEXTOID, OIDOID}};
	if (was_promoted(place))
		return true;
	Values values;
	set_identity(values, 0);
	return !run_statement(statement, values).empty();
}

namespace
{

/* Raises the epoch in the row of this instance, and returns the row. wa_release() in another
 * session may have disowned it just now: then a new one is made, or the release has made one. */
Result
raise_epoch()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_instances AS i SET epoch = i.epoch + 1, heartbeat_at = now(), stopped_cleanly = false"
	    " FROM (SELECT own.ctid, own.heartbeat_at, own.stopped_cleanly FROM @s@.whatsapp_instances AS own"
	    "  WHERE " IS_OWN_INSTANCE(
	        "own", "$1",
	        "$2") " LIMIT 1 FOR UPDATE) AS before WHERE i.ctid = before.ctid"
	              " RETURNING i.nonce, i.epoch, NOT before.stopped_cleanly AND before.heartbeat_at < now() - make_interval(secs => $3),"
	              "  before.stopped_cleanly",
	    3,
	    {TEXTOID, OIDOID, FLOAT8OID}};
	Values values;
	set_identity(values, 0);
	values.set(2, Float8GetDatum(settings.resume_gap));
	constexpr int tries = 10;
	for (int i = 0; i < tries; i++) {
		make_instance();
		const Result raised = run_statement(statement, values);
		if (!raised.empty())
			return raised;
	}
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
	                errmsg("this database has no row in whatsapp_instances"),
	                errdetail("It could neither be inserted nor found."),
	                errhint("A trigger or a rule on whatsapp_instances may leave rows out.")));
	pg_unreachable();
}

} // namespace

void
begin_epoch(Instance &instance, int place)
{
	if (was_promoted(place))
		change_nonce();
	const Result raised = raise_epoch();
	strlcpy(instance.nonce, raised.text_at(0, 1), sizeof instance.nonce);
	instance.epoch = raised.int64_at(0, 2);
	const bool long_gap = raised.bool_at(0, 3);
	const bool clean = raised.bool_at(0, 4);
	instance.began_at = GetCurrentTimestamp();
	fault_point(FaultPoint::epoch_raised);
	if (long_gap)
		hold_queue();
	instance.held = instance_is_held();
	instance.quarantine_ms = read_quarantine_ms(instance, place);

	/* A row that somebody has locked keeps no other one waiting: it stays "sending", and within a
	 * minute doubt_messages() finds that nobody has it in hand. */
	static Statement doubt = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'unknown', unknown_at = now(), changed_at = now(),"
	    "  crashes = q.crashes + (NOT $1)::int"
	    " FROM (SELECT message_id FROM @s@.whatsapp_queue WHERE state = 'sending'"
	    "  ORDER BY message_id FOR UPDATE SKIP LOCKED) AS marked WHERE q.message_id = marked.message_id",
	    1,
	    {BOOLOID}};
	Values doubted;
	doubted.set(0, BoolGetDatum(clean));
	run_statement(doubt, doubted);
	fault_point(FaultPoint::epoch_doubted);
}

void
record_heartbeat(const Instance &instance, bool stopping)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_instances SET heartbeat_at = now(), stopped_cleanly = $2 WHERE nonce = $1",
	    2,
	    {TEXTOID, BOOLOID}};
	Values values;
	values.set_text(0, instance.nonce);
	values.set(1, BoolGetDatum(stopping));
	run_statement(statement, values);
}

namespace
{

/* Ends the hold that begin_epoch() makes after a long gap. */
std::uint64_t
release_queue()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue SET state = 'ready', changed_at = now() WHERE state = 'held'",
	    0,
	    {}};
	static Statement items = {"UPDATE @s@.whatsapp_watch_items SET held = false WHERE held", 0, {}};
	return run_statement(statement, Values()).count() + run_statement(items, Values()).count();
}

void
become_own_instance()
{
	/* What was restored from a base backup has the very identity of its original, which may still
	 * be at work: from here on this is another instance, so that the two never share a correlation.
	 * The old row stays, for webhooks about older messages. */
	static Statement disown = {
	    "UPDATE @s@.whatsapp_instances AS i SET released_at = coalesce(i.released_at, now()),"
	    "  system_identifier = CASE WHEN " IS_OWN_INSTANCE(
	        "i", "$1", "$2") " THEN 'before ' || $3 ELSE i.system_identifier END"
	                         " WHERE NOT " IS_OWN_INSTANCE("i", "$1",
	                                                       "$2") " OR " IS_RESTORED("i", "$3"),
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	Values values;
	set_identity(values, 0);
	values.set_text(2, restore_id());
	run_statement(disown, values);
	make_instance();
}

} // namespace

namespace
{

/* The subscriptions of a copy take from the publisher what is meant for the original. */
std::int64_t
count_enabled_subscriptions()
{
	static Statement statement = {
	    "SELECT count(*) FROM pg_catalog.pg_subscription AS s WHERE s.subdbid = $1 AND s.subenabled",
	    1,
	    {OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(MyDatabaseId));
	return run_statement(statement, values).int64_at(0, 1);
}

} // namespace

void
warn_of_hold()
{
	ereport(WARNING,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("pending WhatsApp messages are held: this database was restored or copied"),
	         errdetail("Database \"%s\".", worker_database_name()),
	         errhint("Look at whatsapp_held, then call wa_release() to send from here.")));
	const std::int64_t subscriptions = count_enabled_subscriptions();
	if (subscriptions > 0)
		ereport(
		    WARNING,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg("subscriptions are enabled in a WhatsApp database that was restored or copied"),
		     errdetail("There are %lld. What they bring is taken from the publisher, and the "
		               "original does not get it any more.",
		               static_cast<long long>(subscriptions)),
		     errhint("If the original is still at work, drop them: ALTER SUBSCRIPTION ... DISABLE, "
		             "SET (slot_name = NONE), then DROP SUBSCRIPTION.")));
}

const char *
hold_reason()
{
	if (instance_is_held())
		return "this database was restored or copied";
	static Statement statement = {
	    "(SELECT 1 FROM @s@.whatsapp_queue WHERE state = 'held' LIMIT 1) UNION ALL"
	    " (SELECT 1 FROM @s@.whatsapp_watch_items WHERE held LIMIT 1)",
	    0,
	    {}};
	return run_statement(statement, Values()).empty()
	           ? nullptr
	           : "the sender was away for longer than whatsapp.resume_gap";
}

std::int64_t
count_releasable()
{
	static Statement statement = {
	    "SELECT (SELECT count(*) FROM @s@.whatsapp_queue WHERE $1 OR state = 'held')"
	    " + (SELECT count(*) FROM @s@.whatsapp_watch_items WHERE message_id IS NULL AND ($1 OR held))",
	    1,
	    {BOOLOID}};
	Values values;
	values.set(0, BoolGetDatum(instance_is_held()));
	return run_statement(statement, values).int64_at(0, 1);
}

std::int64_t
release_messages()
{
	const bool held = instance_is_held();
	if (held)
		become_own_instance();
	wake_clerk_at_commit();
	if (release_queue() == 0 && !held)
		return 0;
	static Statement waiting = {
	    "SELECT (SELECT count(*) FROM @s@.whatsapp_queue)"
	    " + (SELECT count(*) FROM @s@.whatsapp_watch_items WHERE message_id IS NULL)",
	    0,
	    {}};
	return run_statement(waiting, Values()).int64_at(0, 1);
}

} // namespace whatsapp::pg
