/*
 * campaigns.cpp — each function locks the campaign's row first, so that two of them come one after
 * the other.
 */
#include "pg/campaigns/campaigns.hpp"

#include "pg/campaigns/campaign_budgets.hpp"
#include "pg/campaigns/campaign_counts.hpp"
#include "pg/campaigns/campaign_window.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "access/xact.h"
}

namespace whatsapp::pg
{

namespace
{

struct Campaign {
	std::int64_t pending;
	bool cancelled;
	const char *paused; /* the cause, or NULL */
};

[[noreturn]] void
raise_unknown(std::int64_t id)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
	                errmsg("campaign %lld does not exist", static_cast<long long>(id)),
	                errhint("whatsapp_campaigns lists them.")));
	pg_unreachable();
}

[[noreturn]] void
raise_cancelled(std::int64_t id)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("campaign %lld is cancelled", static_cast<long long>(id)),
	                errhint("wa_retry() sends one message again.")));
	pg_unreachable();
}

Campaign
lock_campaign(std::int64_t id)
{
	static Statement lock = {
	    "SELECT cancelled_at IS NOT NULL FROM @s@.whatsapp_campaign_definitions WHERE id = $1 FOR NO KEY UPDATE",
	    1,
	    {INT8OID}};
	static Statement look = {
	    "SELECT " CAMPAIGN_PENDING(
	        "d") ", (SELECT p.cause FROM @s@.whatsapp_campaign_pauses AS p WHERE p.campaign_id = d.id AND p.cause <> 'window')"
	             " FROM @s@.whatsapp_campaign_definitions AS d WHERE d.id = $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	const Result found = run_statement(lock, values);
	if (found.empty())
		raise_unknown(id);
	const Result now = run_statement(look, values);
	return {now.int64_at(0, 1), found.bool_at(0, 1), now.text_at(0, 2)};
}

void
insert_pause(std::int64_t id, const char *cause, const char *reason, const char *hint)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_campaign_pauses AS p (campaign_id, cause, reason, hint) VALUES ($1, $2, $3, $4)"
	    " ON CONFLICT (campaign_id) DO UPDATE SET cause = EXCLUDED.cause, reason = EXCLUDED.reason,"
	    "  hint = EXCLUDED.hint, paused_at = EXCLUDED.paused_at, starts_at = EXCLUDED.starts_at",
	    4,
	    {INT8OID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, cause);
	values.set_text(2, reason);
	values.set_text(3, hint);
	if (run_statement(statement, values).count() == 0)
		raise_left_out("whatsapp_campaign_pauses");
}

} // namespace

/* SQL: whether the failed message m can be sent again. When there was an attempt and no error code,
 * nobody knows whether it has arrived. */
#define CAN_RETRY(codes, any)                                                           \
	"m.payload IS NOT NULL AND @s@.wa_valid_e164(m.recipient_phone) AND CASE WHEN " any \
	" THEN m.error_code IS NOT NULL OR m.attempts = 0 ELSE m.error_code = ANY (" codes ") END"

bool
pause_campaign(std::int64_t id, const char *reason)
{
	const Campaign campaign = lock_campaign(id);
	if (campaign.pending == 0 || campaign.paused != nullptr)
		return false;
	insert_pause(id, "asked", reason, "wa_campaign_resume() goes on.");
	return true;
}

bool
resume_campaign(std::int64_t id)
{
	/* causes that hold now are accepted: they do not stop it again */
	static Statement accept = {
	    "UPDATE @s@.whatsapp_campaign_definitions AS d SET pace = NULL, noted_at = NULL, tried_before = k.tried, failed_before = k.failed,"
	    "  accepted = ARRAY(SELECT DISTINCT a.cause FROM unnest(d.accepted || ARRAY[$2]) AS a (cause) WHERE a.cause IN ('quality', 'template')"
	    "   OR (a.cause = 'budget' AND (a.cause = ANY (d.accepted) OR d.id IN " HELD_CAMPAIGNS ")))"
	    " FROM " CAMPAIGN_TRIED("$1") " AS k WHERE d.id = $1",
	    2,
	    {INT8OID, TEXTOID}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_campaign_pauses WHERE campaign_id = $1", 1, {INT8OID}};
	const Campaign campaign = lock_campaign(id);
	if (campaign.paused == nullptr || campaign.cancelled)
		return false;
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, campaign.paused);
	if (run_statement(accept, values).count() == 0)
		raise_left_out("whatsapp_campaign_definitions");
	if (run_statement(remove, values).count() == 0)
		raise_left_out("whatsapp_campaign_pauses");
	keep_to_window(id);
	wake_sender_at_commit(any_due);
	wake_reader_at_commit();
	return true;
}

std::int64_t
cancel_campaign(std::int64_t id)
{
	static Statement cancel = {
	    "UPDATE @s@.whatsapp_campaign_definitions SET cancelled_at = now() WHERE id = $1",
	    1,
	    {INT8OID}};
	const Campaign campaign = lock_campaign(id);
	if (campaign.pending == 0 || campaign.cancelled)
		return campaign.pending;
	Values values;
	values.set(0, Int64GetDatum(id));
	if (run_statement(cancel, values).count() == 0)
		raise_left_out("whatsapp_campaign_definitions");
	insert_pause(id, "cancelled", "cancelled", nullptr);
	wake_reader_at_commit();
	return campaign.pending;
}

std::int64_t
retry_campaign(std::int64_t id, std::uintptr_t codes, bool any_code)
{
	static Statement revive = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'PENDING', wamid = NULL, sent_at = NULL, failed_at = NULL,"
	    " error_code = NULL, error_message = NULL, error_details = NULL, hint = NULL,"
	    " expires_at = now() + make_interval(secs => $2)"
	    " WHERE m.campaign_id = $1 AND m.status = 'FAILED' AND " CAN_RETRY("$3",
	                                                                       "$4") " RETURNING m.id",
	    4,
	    {INT8OID, FLOAT8OID, INT8ARRAYOID, BOOLOID}};
	static Statement queue = {
	    "INSERT INTO @s@.whatsapp_queue (message_id, sender, recipient, priority, expires_at, campaign_id)"
	    " SELECT m.id, m.sender, m.recipient_phone, m.priority, m.expires_at, m.campaign_id FROM @s@.whatsapp_messages AS m"
	    " WHERE m.id = ANY ($1) AND NOT EXISTS (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = m.id)",
	    1,
	    {INT8ARRAYOID}};
	static Statement reopen = {
	    "UPDATE @s@.whatsapp_campaign_definitions AS d SET finished_at = NULL, pace = NULL, noted_at = NULL,"
	    "  tried_before = k.tried, failed_before = k.failed FROM " CAMPAIGN_TRIED(
	        "$1") " AS k WHERE d.id = $1",
	    1,
	    {INT8OID}};
	if (lock_campaign(id).cancelled)
		raise_cancelled(id);
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, Float8GetDatum(static_cast<double>(campaign_ttl())));
	values.set(2, codes);
	values.set(3, BoolGetDatum(any_code));
	const Result revived = run_statement(revive, values);
	if (revived.empty())
		return 0;
	Column ids(revived.count());
	for (uint64 i = 0; i < revived.count(); i++)
		ids.add(Int64GetDatum(revived.int64_at(i, 1)));
	Values again;
	again.set(0, ids.array(INT8OID));
	if (run_statement(queue, again).count() < revived.count())
		raise_left_out("whatsapp_queue");
	if (run_statement(reopen, values).count() == 0)
		raise_left_out("whatsapp_campaign_definitions");
	keep_to_window(id);
	wake_sender_at_commit(GetCurrentTransactionStartTimestamp());
	wake_reader_at_commit();
	fault_point(FaultPoint::message_retried);
	return static_cast<std::int64_t>(revived.count());
}

Result
show_retry(std::int64_t id, std::uintptr_t codes, bool any_code)
{
	static Statement look = {
	    "SELECT cancelled_at IS NOT NULL FROM @s@.whatsapp_campaign_definitions WHERE id = $1",
	    1,
	    {INT8OID}};
	static Statement show = {
	    "WITH failed AS (SELECT m.error_code, left(m.recipient_phone, 8) AS prefix, " CAN_RETRY(
	        "$2",
	        "$3") " AS again, count(*) AS messages"
	              "  FROM @s@.whatsapp_messages AS m WHERE m.campaign_id = $1 AND m.status = 'FAILED' AND ($3 OR m.error_code = ANY ($2)) GROUP BY 1, 2, 3)"
	              " SELECT coalesce(sum(f.messages) FILTER (WHERE f.again), 0)::bigint, coalesce(sum(f.messages) FILTER (WHERE f.again IS NOT TRUE), 0)::bigint,"
	              "  (SELECT jsonb_object_agg(coalesce(e.error_code::text, 'none'), e.messages)"
	              "    FROM (SELECT g.error_code, sum(g.messages) AS messages FROM failed AS g WHERE g.again GROUP BY g.error_code) AS e),"
	              "  (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(e))) FROM @s@.whatsapp_campaign_definitions AS d"
	              "    CROSS JOIN (SELECT array_agg(g.prefix) AS prefixes, array_agg(g.messages) AS counts FROM failed AS g WHERE g.again) AS a"
	              "    CROSS JOIN LATERAL (SELECT CASE WHEN d.template_name IS NULL THEN 'service' ELSE"
	              "      (SELECT " LOWER_WORD(
	                  "t.category") " FROM @s@.whatsapp_templates AS t WHERE t.name = d.template_name AND t.language = d.template_language"
	                                "        AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = d.sender)) END AS category) AS c"
	                                "    CROSS JOIN LATERAL @s@.whatsapp_estimate_groups(a.prefixes, a.counts, c.category, now(), d.sender) AS e WHERE d.id = $1)"
	                                " FROM failed AS f",
	    3,
	    {INT8OID, INT8ARRAYOID, BOOLOID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set(1, codes);
	values.set(2, BoolGetDatum(any_code));
	const Result found = run_statement(look, values);
	if (found.empty())
		raise_unknown(id);
	if (found.bool_at(0, 1))
		raise_cancelled(id);
	return run_statement(show, values);
}

} // namespace whatsapp::pg
