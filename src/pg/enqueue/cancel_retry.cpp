/*
 * cancel_retry.cpp — out of the queue, and into it once more.
 */
#include "pg/enqueue/cancel_retry.hpp"

#include "pg/server/bells.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
}

namespace whatsapp::pg
{

bool
cancel_message(std::int64_t id)
{
	/* the queue row first, as everybody who touches both does */
	static Statement statement = {
	    "WITH entry AS (DELETE FROM @s@.whatsapp_queue WHERE message_id = $1"
	    "  AND state IN ('ready', 'held') RETURNING message_id)"
	    " UPDATE @s@.whatsapp_messages AS m SET status = 'CANCELLED' FROM entry"
	    " WHERE m.id = entry.message_id RETURNING m.id",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	if (run_statement(statement, values).empty())
		return false;
	fault_point(FaultPoint::message_cancelled);
	return true;
}

bool
retry_message(std::int64_t id)
{
	/* one that was refused before it had a payload cannot become right by sending it */
	static Statement statement = {
	    "WITH message AS (UPDATE @s@.whatsapp_messages SET status = 'PENDING', wamid = NULL, sent_at = NULL, failed_at = NULL,"
	    "  error_code = NULL, error_message = NULL, error_details = NULL, hint = NULL,"
	    "  expires_at = now() + make_interval(secs => $2)"
	    "  WHERE id = $1 AND status IN ('FAILED', 'CANCELLED') AND payload IS NOT NULL RETURNING id, sender, recipient_phone, priority, expires_at)"
	    " INSERT INTO @s@.whatsapp_queue (message_id, sender, recipient, priority, expires_at)"
	    " SELECT id, sender, recipient_phone, priority, expires_at FROM message ON CONFLICT (message_id) DO NOTHING RETURNING message_id",
	    2,
	    {INT8OID, FLOAT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, Float8GetDatum(settings.default_ttl));
	if (run_statement(statement, values).empty())
		return false;
	wake_sender_at_commit(GetCurrentTransactionStartTimestamp());
	fault_point(FaultPoint::message_retried);
	return true;
}

} // namespace whatsapp::pg
