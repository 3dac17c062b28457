/*
 * cancel_retry.cpp — out of the queue, and into it once more.
 */
#include "pg/enqueue/cancel_retry.hpp"

#include "core/value/recipient.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
}

namespace whatsapp::pg
{

namespace
{

Statement is_message = {"SELECT 1 FROM @s@.whatsapp_messages WHERE id = $1", 1, {INT8OID}};

/* Whether the message has a phone that can be sent to. That of a watched row that was refused may
 * be anything. */
bool
has_phone(std::int64_t id)
{
	static Statement statement = {
	    "SELECT recipient_phone FROM @s@.whatsapp_messages WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	const Result found = run_statement(statement, values);
	const char *phone = found.empty() ? nullptr : found.text_at(0, 1);
	return phone != nullptr && valid_recipient(phone);
}

} // namespace

/* Each table has a statement of its own: one with a WITH would fail where a user has made a rule on
 * the table. */
bool
cancel_message(std::int64_t id)
{
	/* the queue row first, as everybody who touches both does */
	static Statement waiting = {
	    "SELECT attempts FROM @s@.whatsapp_queue WHERE message_id = $1 AND state IN ('ready', 'held') FOR UPDATE",
	    1,
	    {INT8OID}};
	static Statement dequeue = {
	    "DELETE FROM @s@.whatsapp_queue WHERE message_id = $1", 1, {INT8OID}};
	static Statement cancel = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'CANCELLED', attempts = greatest(m.attempts, $2) WHERE m.id = $1",
	    2,
	    {INT8OID, INT4OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	const Result found = run_statement(waiting, values);
	if (found.empty())
		return false;
	values.set(1, Int32GetDatum(found.int32_at(0, 1)));
	if (run_statement(dequeue, values).count() == 0)
		raise_left_out("whatsapp_queue");
	if (run_statement(cancel, values).count() == 0) {
		if (!run_statement(is_message, values).empty())
			raise_left_out("whatsapp_messages");
		return false;
	}
	fault_point(FaultPoint::message_cancelled);
	return true;
}

bool
retry_message(std::int64_t id, const char *phone)
{
	/* One that was refused before it had a payload cannot become right by sending it. One that is
	 * PENDING and has no row in the queue lost it to somebody's DELETE or TRUNCATE. */
	static Statement revive = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'PENDING', wamid = NULL, sent_at = NULL, failed_at = NULL,"
	    " recipient_phone = coalesce($3, m.recipient_phone), wa_id = CASE WHEN $3 IS NULL THEN m.wa_id END,"
	    " user_id = CASE WHEN $3 IS NULL THEN m.user_id END,"
	    " error_code = NULL, error_message = NULL, error_details = NULL, hint = NULL,"
	    " expires_at = now() + make_interval(secs => $2)"
	    " WHERE m.id = $1 AND (m.status IN ('FAILED', 'CANCELLED') OR (m.status = 'PENDING'"
	    "  AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id)))"
	    " AND m.payload IS NOT NULL",
	    3,
	    {INT8OID, FLOAT8OID, TEXTOID}};
	/* who changes the message is alone with it: nobody else queues it meanwhile */
	static Statement queue = {
	    "INSERT INTO @s@.whatsapp_queue (message_id, sender, recipient, priority, expires_at, campaign_id)"
	    " SELECT m.id, m.sender, m.recipient_phone, m.priority, m.expires_at, m.campaign_id FROM @s@.whatsapp_messages AS m"
	    " WHERE m.id = $1 AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id)",
	    1,
	    {INT8OID}};
	static Statement is_queued = {
	    "SELECT 1 FROM @s@.whatsapp_queue WHERE message_id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, Float8GetDatum(settings.default_ttl));
	values.set_text(2, phone);
	if (phone == nullptr && !has_phone(id))
		return false;
	if (run_statement(revive, values).count() == 0)
		return false;
	if (run_statement(queue, values).count() == 0) {
		if (run_statement(is_queued, values).empty())
			raise_left_out("whatsapp_queue");
		return false;
	}
	wake_sender_at_commit(GetCurrentTransactionStartTimestamp());
	fault_point(FaultPoint::message_retried);
	return true;
}

} // namespace whatsapp::pg
