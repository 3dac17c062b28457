/*
 * campaign_watch.cpp — one statement reads the figures of all open campaigns; messages are called
 * off a thousand in a transaction.
 */
#include "pg/campaigns/campaign_watch.hpp"

#include "core/webhook/account.hpp"
#include "pg/campaigns/campaign_budgets.hpp"
#include "pg/campaigns/campaign_counts.hpp"
#include "pg/campaigns/campaign_window.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

OwnTable definitions("whatsapp_campaign_definitions");

constexpr std::int64_t look_ms = 1000;
constexpr std::int64_t idle_ms = 5000;
/* a share of fewer messages says nothing */
constexpr std::int64_t least_tried = 50;
constexpr int cancelled_at_once = 1000;
constexpr int most_cancelled = 16;
/* one turn calls off for so long at most: webhooks wait for the reader, too */
constexpr std::int64_t cancelling_ms = 200;

/* The columns of the statement that reads what is open. */
enum {
	column_id = 1,
	column_sender,
	column_pending,
	column_tried,
	column_failed,
	column_cause,
	column_is_red,
	column_template_status,
	column_accepts_quality,
	column_accepts_template,
	column_cancelled,
	column_begins
};

struct Stop {
	const char *cause;
	const char *reason;
	const char *hint;
};

bool
fails_too_often(std::int64_t tried, std::int64_t failed)
{
	return settings.campaign_failure_limit > 0 && tried >= least_tried &&
	       failed * 100 > tried * settings.campaign_failure_limit;
}

/* Why the campaign must stop; a NULL cause: it may go on. */
Stop
find_stop(const Result &rows, uint64 row)
{
	const std::int64_t tried = rows.int64_at(row, column_tried);
	const std::int64_t failed = rows.int64_at(row, column_failed);
	const char *status = rows.text_at(row, column_template_status);
	if (rows.bool_at(row, column_is_red) && !rows.bool_at(row, column_accepts_quality))
		return {"quality", "Meta rates the quality of the sender as RED",
		        "Recipients block or report the number: look at whom it writes to, and at what. "
		        "wa_campaign_resume() goes on all the same."};
	if (status != nullptr && template_status_blocks(status) &&
	    !rows.bool_at(row, column_accepts_template))
		return {"template", psprintf("the template is %s", status),
		        "See it in WhatsApp Manager. When it is approved, wa_campaign_resume() goes on."};
	if (fails_too_often(tried, failed))
		return {"failures",
		        psprintf("%lld of %lld messages failed, more than %d %%",
		                 static_cast<long long>(failed), static_cast<long long>(tried),
		                 settings.campaign_failure_limit),
		        "whatsapp_campaign_errors says by which codes; the limit is "
		        "whatsapp.campaign_failure_limit. wa_campaign_resume() goes on."};
	return {nullptr, nullptr, nullptr};
}

void
stop_campaign(std::int64_t id, const char *sender, const Stop &stop)
{
	/* somebody may pause it at the same time: that pause stays. One for its hours is replaced */
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_campaign_pauses AS p (campaign_id, cause, reason, hint) VALUES ($1, $2, $3, $4)"
	    " ON CONFLICT (campaign_id) DO UPDATE SET cause = EXCLUDED.cause, reason = EXCLUDED.reason, hint = EXCLUDED.hint,"
	    "  paused_at = EXCLUDED.paused_at, starts_at = EXCLUDED.starts_at WHERE p.cause = 'window'",
	    4,
	    {INT8OID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, stop.cause);
	values.set_text(2, stop.reason);
	values.set_text(3, stop.hint);
	if (run_statement(statement, values).count() > 0)
		ereport(LOG, (errmsg("WhatsApp campaign %lld of sender \"%s\" stops: %s",
		                     static_cast<long long>(id), sender, stop.reason),
		              errhint("%s", stop.hint)));
}

/* The campaign was resumed although the cause held, and now it holds no more. If it comes back, it
 * stops the campaign again. */
void
forget_accepted(std::int64_t id, const char *cause)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_campaign_definitions SET accepted = array_remove(accepted, $2) WHERE id = $1",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, cause);
	(void)run_statement(statement, values);
}

void
note_end(std::int64_t id)
{
	static Statement end = {
	    "UPDATE @s@.whatsapp_campaign_definitions SET finished_at = now() WHERE id = $1",
	    1,
	    {INT8OID}};
	static Statement release = {
	    "DELETE FROM @s@.whatsapp_campaign_pauses WHERE campaign_id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	(void)run_statement(end, values);
	(void)run_statement(release, values);
}

/* Measures the pace every ten seconds: over a shorter time it would be noise. */
void
note_pace(std::int64_t id, std::int64_t pending)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_campaign_definitions AS d SET noted_at = now(), noted_ended = d.planned - $2,"
	    "  pace = (d.planned - $2 - d.noted_ended) / extract(epoch FROM now() - d.noted_at)::double precision"
	    " WHERE d.id = $1 AND (d.noted_at IS NULL OR d.noted_at <= now() - interval '10 seconds')",
	    2,
	    {INT8OID, INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, Int64GetDatum(pending));
	(void)run_statement(statement, values);
}

struct Open {
	bool any = false;
	/* some of the campaigns that are being called off */
	int cancelled_count = 0;
	std::int64_t cancelled[most_cancelled] = {};
};

void
look_at_campaign(const Result &rows, uint64 row, Open &open)
{
	const std::int64_t id = rows.int64_at(row, column_id);
	const std::int64_t pending = rows.int64_at(row, column_pending);
	if (pending <= 0) {
		note_end(id);
		return;
	}
	open.any = true;
	if (rows.bool_at(row, column_cancelled)) {
		if (open.cancelled_count < most_cancelled)
			open.cancelled[open.cancelled_count++] = id;
		return;
	}
	if (!rows.is_null(row, column_cause))
		return;
	const Stop stop = find_stop(rows, row);
	if (stop.cause != nullptr) {
		stop_campaign(id, rows.text_at(row, column_sender), stop);
		return;
	}
	if (rows.bool_at(row, column_begins)) {
		keep_to_window(id);
		wake_sender_at_commit(any_due);
	}
	const char *status = rows.text_at(row, column_template_status);
	if (rows.bool_at(row, column_accepts_quality) && !rows.bool_at(row, column_is_red))
		forget_accepted(id, "quality");
	if (rows.bool_at(row, column_accepts_template) &&
	    (status == nullptr || !template_status_blocks(status)))
		forget_accepted(id, "template");
	note_pace(id, pending);
}

Open
look_at_open()
{
	static Statement statement = {
	    "SELECT d.id, d.sender, " CAMPAIGN_PENDING(
	        "d") ", k.tried - d.tried_before, k.failed - d.failed_before, nullif(p.cause, 'window'),"
	             "  s.quality IS NOT DISTINCT FROM 'RED', t.status, 'quality' = ANY (d.accepted), 'template' = ANY (d.accepted),"
	             "  d.cancelled_at IS NOT NULL, d.send_window IS NOT NULL AND (p.cause IS NULL OR"
	             "   (p.cause = 'window' AND p.starts_at <= now() AND " CAMPAIGN_WINDOW_END(
	                 "d") " IS NOT NULL))"
	                      " FROM @s@.whatsapp_campaign_definitions AS d LEFT JOIN @s@.whatsapp_campaign_pauses AS p ON p.campaign_id = d.id"
	                      " LEFT JOIN @s@.whatsapp_senders AS s ON s.name = d.sender"
	                      " LEFT JOIN @s@.whatsapp_templates AS t ON t.name = d.template_name AND t.language = d.template_language"
	                      "  AND t.account IS NOT DISTINCT FROM s.account AND t.gone_at IS NULL"
	                      " CROSS JOIN LATERAL " CAMPAIGN_TRIED(
	                          "d.id") " AS k WHERE d.finished_at IS NULL ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED",
	    0,
	    {}};
	Open open;
	if (!has_pages(definitions))
		return open;
	const Result rows = run_statement(statement, Values());
	for (uint64 i = 0; i < rows.count(); i++)
		look_at_campaign(rows, i, open);
	return open;
}

/* The queue's row first, as everybody who touches both. What is on the wire ends by itself, and
 * what somebody has locked is taken in the next turn. Returns how many messages there were; after:
 * the id behind which to go on. */
uint64
cancel_some(std::int64_t id, std::int64_t &after)
{
	static Statement find = {
	    "SELECT q.message_id, q.attempts FROM @s@.whatsapp_messages AS m JOIN @s@.whatsapp_queue AS q ON q.message_id = m.id"
	    " WHERE m.campaign_id = $1 AND m.id > $2 AND m.status = 'PENDING' AND q.state IN ('ready', 'held')"
	    " ORDER BY m.id LIMIT $3 FOR UPDATE OF q SKIP LOCKED",
	    3,
	    {INT8OID, INT8OID, INT8OID}};
	static Statement dequeue = {
	    "DELETE FROM @s@.whatsapp_queue WHERE message_id = ANY ($1)", 1, {INT8ARRAYOID}};
	static Statement cancel = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'CANCELLED', attempts = greatest(m.attempts, a.attempts)"
	    " FROM unnest($1, $2) AS a (id, attempts) WHERE m.id = a.id AND m.status = 'PENDING'",
	    2,
	    {INT8ARRAYOID, INT4ARRAYOID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, Int64GetDatum(after));
	values.set(2, Int64GetDatum(cancelled_at_once));
	const Result found = run_statement(find, values);
	if (found.empty())
		return 0;
	Column ids(found.count());
	Column attempts(found.count());
	for (uint64 i = 0; i < found.count(); i++) {
		ids.add(Int64GetDatum(found.int64_at(i, 1)));
		attempts.add(Int32GetDatum(found.int32_at(i, 2)));
	}
	Values both;
	both.set(0, ids.array(INT8OID));
	both.set(1, attempts.array(INT4OID));
	if (run_statement(dequeue, both).count() < found.count())
		raise_left_out("whatsapp_queue");
	if (run_statement(cancel, both).count() < found.count())
		raise_left_out("whatsapp_messages");
	after = found.int64_at(found.count() - 1, 1);
	fault_point(FaultPoint::message_cancelled);
	return found.count();
}

/* True when there is more to do at once. */
bool
cancel_pending(std::int64_t id)
{
	std::int64_t after = 0;
	const std::int64_t begin = monotonic_ms();
	while (monotonic_ms() - begin < cancelling_ms) {
		CHECK_FOR_INTERRUPTS();
		uint64 count = 0;
		std::int64_t reached = after;
		const bool done = run_transaction([&] { count = cancel_some(id, reached); });
		if (!done || count == 0)
			return false;
		after = reached;
	}
	return true;
}

} // namespace

std::int64_t
watch_campaigns(std::int64_t now)
{
	static std::int64_t next_look = 0;
	static Open open;
	if (now >= next_look) {
		open = Open();
		const bool done = run_transaction([] { open = look_at_open(); });
		if (done && open.any)
			watch_campaign_budgets(now);
		next_look = now + (done && open.any ? look_ms : idle_ms);
	}
	bool more = false;
	for (int i = 0; i < open.cancelled_count; i++)
		more |= cancel_pending(open.cancelled[i]);
	if (more)
		return 1;
	return next_look - now;
}

} // namespace whatsapp::pg
