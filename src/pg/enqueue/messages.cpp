/*
 * messages.cpp — a message and its place in the queue are made by one call, hence both or neither.
 */
#include "pg/enqueue/messages.hpp"

#include <cstdint>
#include <string>

#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/message/limits.hpp"
#include "pg/enqueue/code_messages.hpp"
#include "pg/enqueue/idle_notice.hpp"
#include "pg/enqueue/message_rows.hpp"
#include "pg/enqueue/message_values.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/transaction.hpp"

#include "pg/server/boundary.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

void
require_utf8()
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("database encoding must be UTF8"),
		         errdetail("The encoding of this database is \"%s\".", GetDatabaseEncodingName()),
		         errhint("Make a database WITH ENCODING 'UTF8', and the extension in it.")));
}

bool
sender_exists(const char *sender)
{
	if (strcmp(sender, default_sender) == 0)
		return true;
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_senders WHERE name = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	return !run_statement(statement, values).empty();
}

const char *
resolve_sender(const char *sender)
{
	require_utf8();
	if (sender == nullptr)
		sender = settings.default_sender;
	if (!sender_exists(sender))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("sender \"%s\" does not exist", sender),
		     errhint(
		         "Add it to whatsapp_senders, or set whatsapp.default_sender to one that exists.")));
	return sender;
}

namespace
{

/* $1 to $7 as in set_message_values(), $8 seconds to live, $9 not before (NULL: now), $10
 * idempotency key, $11 priority, $12 not after (NULL: by $8), $13 campaign; for a message of
 * another role than the session user, $14 that role. For one of the session user the default of the
 * column says it, which the table's owner may have changed. The row of the queue has a statement of
 * its own: one with a WITH would fail where a user has made a rule on the table. */
#define INSERT_MESSAGE(role_column, role)                                                                   \
	"INSERT INTO @s@.whatsapp_messages (sender, recipient_phone, message_type, template_name, "             \
	"template_language, payload, reference, expires_at, idempotency_key, priority, campaign_id" role_column \
	") VALUES ($1, $2, $3, $4, $5, $6::json, $7, coalesce($12, greatest($9, now()) + "                      \
	"make_interval(secs => $8)), $10, $11, $13" role ")"
#define MESSAGE_TYPES                                                                         \
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, TIMESTAMPTZOID, \
	    TEXTOID, INT2OID, TIMESTAMPTZOID, INT8OID
#define RETURN_MESSAGE " RETURNING id, expires_at::pg_catalog.timestamptz"
#define UNLESS_KEY_IS_THERE                                                                 \
	" ON CONFLICT (sender, idempotency_key, enqueued_by) WHERE idempotency_key IS NOT NULL" \
	" DO NOTHING"

/* [whether it is another role's message] */
Statement insert[] = {
    {INSERT_MESSAGE("", "") RETURN_MESSAGE, 13, {MESSAGE_TYPES}, true},
    {INSERT_MESSAGE(", enqueued_by", ", $14") RETURN_MESSAGE, 14, {MESSAGE_TYPES, TEXTOID}, true}};

Statement insert_once[] = {
    {INSERT_MESSAGE("", "") UNLESS_KEY_IS_THERE RETURN_MESSAGE, 13, {MESSAGE_TYPES}, true},
    {INSERT_MESSAGE(", enqueued_by", ", $14") UNLESS_KEY_IS_THERE RETURN_MESSAGE,
     14,
     {MESSAGE_TYPES, TEXTOID},
     true}};

Statement insert_queued = {
    "INSERT INTO @s@.whatsapp_queue (message_id, sender, recipient, priority, due_at, expires_at, campaign_id)"
    " VALUES ($1, $2, $3, $4, greatest($5, now()), $6, $7) RETURNING message_id",
    7,
    {INT8OID, TEXTOID, TEXTOID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID}};

/* Finds the older message with the same key, and compares it. Only messages of the same role count:
 * each role has keys of its own. A message that became its fallback template is still the same one;
 * where the content was erased, the rest is compared. */
#define FALLBACK_TEMPLATE "$6::json #>> ARRAY['fallback', 'template', "
/* An alias may have moved to a newer version meanwhile. */
#define SAME_ALIAS                                                                                                   \
	"EXISTS (SELECT FROM @s@.whatsapp_template_definitions AS a"                                                     \
	" JOIN @s@.whatsapp_template_definitions AS b ON b.alias = a.alias AND b.account IS NOT DISTINCT FROM a.account" \
	" WHERE a.name = template_name AND a.language = template_language AND b.name = $4 AND b.language = $5"           \
	" AND b.language = a.language)"
Statement find_key = {
    "SELECT id, recipient_phone IS DISTINCT FROM $3,"
    "  (template_name IS DISTINCT FROM $4 OR template_language IS DISTINCT FROM $5)"
    "   AND (template_name IS DISTINCT FROM " FALLBACK_TEMPLATE
    "'name'] OR template_language IS DISTINCT FROM " FALLBACK_TEMPLATE
    "'language', 'code']) AND NOT " SAME_ALIAS ","
    "  payload IS NOT NULL AND payload::text IS DISTINCT FROM $6 AND payload::text IS DISTINCT FROM ($6::json -> 'fallback')::text"
    "   AND NOT (" SAME_ALIAS
    " AND replace(payload::text, to_json(template_name)::text, to_json($4)::text) = $6)"
    " FROM @s@.whatsapp_messages WHERE sender = $1 AND idempotency_key = $2 AND enqueued_by = coalesce($7, SESSION_USER)",
    7,
    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
    true};

/* What the statement `insert` does, without it. False when it has to be the statement. */
bool
insert_directly(const NewMessage &message, std::int64_t &id)
{
	const MessageTables tables = open_message_tables();
	if (tables.messages == nullptr)
		return false;
	MessageRows rows;
	fill_message_rows(rows, message);
	insert_row(tables.messages, messages_shape, rows.message.row());
	fault_point(FaultPoint::message_inserted);
	insert_row(tables.queue, queue_shape, rows.queued.row());
	close_message_tables(tables);
	id = rows.id;
	return true;
}

constexpr int batch_size = 200;

/* The queue's row of a message that has been inserted. */
std::int64_t
insert_in_queue(const NewMessage &message, const Result &inserted)
{
	const std::int64_t id = stored_id(inserted);
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, message.sender);
	values.set_text(2, message.recipient_phone);
	values.set(3, Int16GetDatum(static_cast<int16>(message.priority)));
	if (message.has_send_at)
		values.set(4, TimestampTzGetDatum(message.send_at));
	if (!inserted.is_null(0, 2))
		values.set(5, TimestampTzGetDatum(inserted.int64_at(0, 2)));
	if (message.campaign_id != 0)
		values.set(6, Int64GetDatum(message.campaign_id));
	fault_point(FaultPoint::message_inserted);
	(void)stored_id(run_statement(insert_queued, values));
	return id;
}

/* The same key twice is the same message, or an error: to return the older id would say that an
 * order is on its way which never leaves. */
void
check_older(const NewMessage &message, const Result &older)
{
	if (message.first_of_key_stands)
		return;
	const bool phone = older.bool_at(0, 2);
	const bool template_differs = older.bool_at(0, 3);
	if (!phone && !template_differs && !older.bool_at(0, 4))
		return;
	const auto id = static_cast<long long>(older.int64_at(0, 1));
	const char *what = phone              ? "another phone number"
	                   : template_differs ? "another template or language"
	                                      : "other parameters";
	run_body([&] {
		throw Fault(sqlstate::key_reused,
		            "idempotency key " + quote_name(message.idempotency_key) +
		                " was used for another message",
		            "Message " + std::to_string(id) + " of sender " + quote_name(message.sender) +
		                " has it, with " + what + ".",
		            "Give each message a key of its own. Which differ can be seen in "
		            "whatsapp_messages.");
	});
}

/* ON CONFLICT is an error where a user has made a rule on the table. There, the key is looked for
 * first, and a session that inserts the same key at the same time is met at the unique index. */
Result
insert_keyed_by_rules(const NewMessage &message, const Values &values)
{
	Result inserted;
	Problem problem;
	if (!try_body_apart(
	        problem, 0,
	        [&] { inserted = run_statement(insert[is_of_other_role(message)], values); }) &&
	    !problem_is_repeat(problem))
		raise_problem(problem);
	return inserted;
}

Result
find_message_of_key(const NewMessage &message)
{
	Values key;
	key.set_text(0, message.sender);
	key.set_text(1, message.idempotency_key);
	key.set_text(2, message.recipient_phone);
	key.set_text(3, message.template_name);
	key.set_text(4, message.template_language);
	key.set_text(5, message.payload);
	key.set_text(6, message.enqueued_by);
	return run_statement(find_key, key);
}

/* With an idempotency key: the message that has it, be it this one or an older one. */
std::int64_t
insert_or_find(const NewMessage &message, const Values &values)
{
	/* Nothing was inserted when another session has committed this key before; for one that has not
	 * committed yet, the insert waits. The other row may be deleted before it is looked for here:
	 * then the key is free again. */
	constexpr int tries = 3;
	const bool rules = has_rules(messages_shape.table);
	for (int i = 0; i < tries; i++) {
		if (rules) {
			const Result known = find_message_of_key(message);
			if (!known.empty()) {
				check_older(message, known);
				return known.int64_at(0, 1);
			}
		}
		const Result inserted = rules
		                            ? insert_keyed_by_rules(message, values)
		                            : run_statement(insert_once[is_of_other_role(message)], values);
		if (!inserted.empty())
			return insert_in_queue(message, inserted);
		const Result older = find_message_of_key(message);
		if (older.empty())
			continue;
		check_older(message, older);
		return older.int64_at(0, 1);
	}
	ereport(
	    ERROR,
	    (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("message was not stored"),
	     errdetail("No row with its idempotency key could be inserted, and none was found."),
	     errhint(
	         "Retry the transaction. If it fails again, a trigger or a rule on whatsapp_messages or "
	         "whatsapp_queue leaves rows out.")));
	pg_unreachable();
}

} // namespace

namespace
{

void
check_payload_size(const NewMessage &message)
{
	const std::size_t size = strlen(message.payload);
	if (size > max_payload_bytes)
		ereport(ERROR,
		        (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION), errmsg("message is too large"),
		         errdetail("Its payload has %zu bytes, and at most %zu are possible.", size,
		                   max_payload_bytes)));
}

} // namespace

void
require_enqueueable(const NewMessage &message)
{
	check_payload_size(message);
	if (message.idempotency_key == nullptr)
		return;
	const Result older = find_message_of_key(message);
	if (!older.empty())
		check_older(message, older);
}

namespace
{

std::int64_t
insert_message(const NewMessage &message)
{
	check_payload_size(message);
	wake_sender_at_commit(due_time(message));
	warn_of_idle_sender(message.sender);
	std::int64_t id = 0;
	if (message.idempotency_key == nullptr && insert_directly(message, id)) {
		fault_point(FaultPoint::message_enqueued);
		return id;
	}
	Values values;
	set_message_values(values, message);
	values.set(7, Float8GetDatum(settings.default_ttl));
	if (message.has_send_at)
		values.set(8, TimestampTzGetDatum(message.send_at));
	values.set_text(9, message.idempotency_key);
	values.set(10, Int16GetDatum(static_cast<int16>(message.priority)));
	if (message.has_expires_at)
		values.set(11, TimestampTzGetDatum(message.expires_at));
	if (message.campaign_id != 0)
		values.set(12, Int64GetDatum(message.campaign_id));
	values.set_text(13, message.enqueued_by);
	/* a key that is there, although it was said to be new, is the same error as of a batch */
	id = message.idempotency_key == nullptr || message.key_is_new
	         ? insert_in_queue(message, run_statement(insert[is_of_other_role(message)], values))
	         : insert_or_find(message, values);
	fault_point(FaultPoint::message_enqueued);
	return id;
}

} // namespace

std::int64_t
enqueue_message(const NewMessage &message)
{
	const std::int64_t id = insert_message(message);
	if (message.has_code)
		note_code_message(id);
	return id;
}

struct MessageBatch {
	MemoryContext memory; /* of the rows' values */
	MessageTables tables; /* while there are rows */
	int count;
	MessageRows rows[batch_size];
};

MessageBatch *
begin_message_batch()
{
	auto *batch = static_cast<MessageBatch *>(palloc(sizeof(MessageBatch)));
	batch->memory =
	    AllocSetContextCreate(CurrentMemoryContext, "new messages", ALLOCSET_DEFAULT_SIZES);
	batch->count = 0;
	return batch;
}

void
end_message_batch(MessageBatch &batch)
{
	if (batch.count == 0)
		return;
	MemoryContext before = MemoryContextSwitchTo(batch.memory);
	Row messages[batch_size];
	Row queued[batch_size];
	for (int i = 0; i < batch.count; i++) {
		messages[i] = batch.rows[i].message.row();
		queued[i] = batch.rows[i].queued.row();
	}
	insert_rows(batch.tables.messages, messages_shape, messages, batch.count);
	fault_point(FaultPoint::message_inserted);
	insert_rows(batch.tables.queue, queue_shape, queued, batch.count);
	close_message_tables(batch.tables);
	fault_point(FaultPoint::message_enqueued);
	batch.count = 0;
	MemoryContextSwitchTo(before);
	MemoryContextReset(batch.memory);
}

void
forget_message_batch(MessageBatch &batch)
{
	batch.count = 0;
	MemoryContextReset(batch.memory);
}

void
add_message(MessageBatch &batch, const NewMessage &message)
{
	const bool alone =
	    (message.idempotency_key != nullptr && !message.key_is_new) || message.has_code;
	if (batch.count == 0 && !alone)
		batch.tables = open_message_tables();
	if (alone || batch.tables.messages == nullptr) {
		enqueue_message(message);
		return;
	}
	wake_sender_at_commit(due_time(message));
	warn_of_idle_sender(message.sender);
	MemoryContext before = MemoryContextSwitchTo(batch.memory);
	fill_message_rows(batch.rows[batch.count++], message);
	MemoryContextSwitchTo(before);
	if (batch.count == batch_size)
		end_message_batch(batch);
}

} // namespace whatsapp::pg
