/*
 * settle_failure.cpp — the queue row, then the attempt, then what the message shows of it.
 *
 * Each is a statement of its own: one with a WITH would fail where a user has made a rule on the
 * table.
 */
#include "pg/queue/settle_failure.hpp"

#include "pg/identity/senders.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/queue/fallback.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

/* What becomes of the queue row: $1 id, $2 seconds. */
Statement retry = {
    "UPDATE @s@.whatsapp_queue SET state = 'ready', due_at = now() + make_interval(secs => $2), changed_at = now()"
    " WHERE message_id = $1 AND state = 'sending'",
    2,
    {INT8OID, FLOAT8OID}};
Statement fail = {
    "DELETE FROM @s@.whatsapp_queue WHERE message_id = $1 AND state = 'sending'", 1, {INT8OID}};
Statement doubt = {
    "UPDATE @s@.whatsapp_queue SET state = 'unknown', unknown_at = now(), changed_at = now()"
    " WHERE message_id = $1 AND state = 'sending'",
    1,
    {INT8OID}};
/* The account's trouble is not the message's: it keeps its attempts and its clean row. */
Statement put_off = {
    "UPDATE @s@.whatsapp_queue SET state = 'ready', attempts = attempts - 1, changed_at = now()"
    " WHERE message_id = $1 AND state = 'sending'",
    1,
    {INT8OID}};

Statement &
change_of(Settle how)
{
	switch (how) {
	case Settle::retry:
		return retry;
	case Settle::failed:
		return fail;
	case Settle::paused:
		return put_off;
	case Settle::unknown:
	case Settle::sent:
		break;
	}
	return doubt;
}

/* False when it is not "sending" any more: a webhook has settled it. */
bool
change_queue_row(const Settled &row)
{
	static Statement is_sending = {
	    "SELECT 1 FROM @s@.whatsapp_queue WHERE message_id = $1 AND state = 'sending'",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(row.id));
	values.set(1, Float8GetDatum(static_cast<double>(row.delay_ms) / 1000));
	if (run_statement(change_of(row.how), values).count() > 0)
		return true;
	if (!run_statement(is_sending, values).empty())
		raise_left_out("whatsapp_queue");
	return false;
}

/* $1 id, $2 attempt, $3 code, $4 message, $5 details, $6 hint; and of the attempt $7 outcome, $8
 * HTTP status. */
#define FAILURE_TYPES INT8OID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID
#define SHOW_FAILURE                                                                       \
	"UPDATE @s@.whatsapp_messages SET attempts = $2, error_code = $3, error_message = $4," \
	" error_details = $5::jsonb, hint = $6"
#define OF_PENDING " WHERE id = $1 AND status = 'PENDING'"

Statement insert_attempt = {
    "INSERT INTO @s@.whatsapp_attempts"
    " (message_id, attempt, outcome, http_status, error_code, error_message, error_details)"
    " VALUES ($1, $2, $7, $8, $3, $4, $5::jsonb)",
    8,
    {FAILURE_TYPES}};
Statement show = {SHOW_FAILURE OF_PENDING, 6, {FAILURE_TYPES}};
Statement show_failed = {
    SHOW_FAILURE ", status = 'FAILED', failed_at = now()" OF_PENDING, 6, {FAILURE_TYPES}};

Values
values_of(const Settled &row)
{
	Values values;
	values.set(0, Int64GetDatum(row.id));
	values.set(1, Int32GetDatum(row.attempt));
	if (row.has_code)
		values.set(2, Int64GetDatum(row.code));
	values.set_text(3, row.message);
	if (row.details != nullptr && *row.details != '\0')
		values.set_text(4, row.details);
	values.set_text(5, row.hint);
	values.set_text(6, row.outcome);
	if (row.http_status != 0)
		values.set(7, Int32GetDatum(static_cast<int>(row.http_status)));
	return values;
}

/* Without its row in the queue, nobody would ever look at the message again. */
void
require_not_pending(const Settled &row)
{
	static Statement is_pending = {"SELECT 1 FROM @s@.whatsapp_messages" OF_PENDING, 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(row.id));
	if (!run_statement(is_pending, values).empty())
		raise_left_out("whatsapp_messages");
}

} // namespace

void
settle_failure(const Settled &answered)
{
	Settled row = answered;
	/* the platform knows of a closed window before this database does */
	const bool falls_back = row.how == Settle::failed && row.has_code &&
	                        row.code == window_closed_code && has_fallback(row.id);
	if (falls_back) {
		row.how = Settle::retry;
		row.delay_ms = 0;
	}
	const bool sending = change_queue_row(row);
	if (row.how == Settle::paused) {
		fault_point(FaultPoint::settle_paused);
		pause_sender(row.sender, row.delay_ms, row.message, row.hint);
		return;
	}
	if (row.has_code && row.code == marketing_stopped_code)
		note_marketing_stopped(row.id, row.answered_at);
	if (sending) {
		const Values values = values_of(row);
		run_statement(insert_attempt, values);
		run_statement(row.how == Settle::failed ? show_failed : show, values);
		if (row.how == Settle::failed)
			require_not_pending(row);
		if (falls_back)
			take_fallback(row.id);
	}
	fault_point(FaultPoint::settle_failure);
}

} // namespace whatsapp::pg
