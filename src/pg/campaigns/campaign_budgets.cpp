/*
 * campaign_budgets.cpp — what the sender holds is read, a tenth of the time at most.
 */
#include "pg/campaigns/campaign_budgets.hpp"

#include <algorithm>

#include "pg/budgets/budgets.hpp"
#include "pg/campaigns/campaign_window.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t look_ms = 900;
constexpr std::int64_t least_share = 10;

/* A campaign whose row somebody else has locked is looked at in the next turn. */
void
stop_held()
{
	static Statement find = {
	    "SELECT d.id, d.sender, format('budget \"%s\" has no room for it: %s of %s %s are spent or reserved in its %s', b.name,"
	    "  trim_scale(b.settled + b.reserved), trim_scale(b.amount), b.currency, b.period), b.name, b.ends_at"
	    " FROM @s@.whatsapp_campaign_definitions AS d JOIN @s@.whatsapp_budget_sums AS b ON b.hold"
	    " LEFT JOIN @s@.whatsapp_campaign_pauses AS p ON p.campaign_id = d.id"
	    " WHERE d.finished_at IS NULL AND d.cancelled_at IS NULL AND 'budget' <> ALL (d.accepted) AND (p.cause IS NULL OR p.cause = 'window')"
	    "  AND (d.id, b.name) IN (SELECT h.campaign_id, substr(min(h.held_by), 8) FROM @s@.whatsapp_queue AS h"
	    "   WHERE h.held_by IS NOT NULL AND starts_with(h.held_by, 'budget ') AND h.due_at > now() AND h.campaign_id IS NOT NULL"
	    "    AND h.state = 'ready' GROUP BY h.campaign_id)"
	    " FOR NO KEY UPDATE OF d SKIP LOCKED",
	    0,
	    {}};
	static Statement stop = {
	    "INSERT INTO @s@.whatsapp_campaign_pauses AS p (campaign_id, cause, reason, hint, until)"
	    " VALUES ($1, 'budget', $2, format('It goes on by itself when SELECT wa_budget_set(%L, …) raises the amount, or money is released, until %s;"
	    " afterwards, or to let its messages wait for the next one, by wa_campaign_resume().', $3, to_char($4, 'YYYY-MM-DD HH24:MI TZ')), $4)"
	    " ON CONFLICT (campaign_id) DO UPDATE SET cause = EXCLUDED.cause, reason = EXCLUDED.reason, hint = EXCLUDED.hint,"
	    "  until = EXCLUDED.until, paused_at = EXCLUDED.paused_at, starts_at = EXCLUDED.starts_at WHERE p.cause = 'window'",
	    4,
	    {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
	const Result found = run_statement(find, Values());
	for (uint64 i = 0; i < found.count(); i++) {
		const char *reason = found.text_at(i, 3);
		Values values;
		values.set(0, Int64GetDatum(found.int64_at(i, 1)));
		values.set_text(1, reason);
		values.set_text(2, found.text_at(i, 4));
		values.set(3, Int64GetDatum(found.int64_at(i, 5)));
		if (run_statement(stop, values).count() > 0)
			ereport(LOG, (errmsg("WhatsApp campaign %lld of sender \"%s\" stops: %s",
			                     static_cast<long long>(found.int64_at(i, 1)), found.text_at(i, 2),
			                     reason),
			              errhint("See whatsapp_campaigns.")));
	}
}

/* The sender clears held_by of messages that would fit now (wake_held_messages()). So a campaign
 * without a held message may go on. */
void
resume_fitting()
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_campaign_pauses AS p WHERE p.cause = 'budget' AND p.until > now()"
	    " AND p.campaign_id NOT IN " HELD_CAMPAIGNS " RETURNING p.campaign_id",
	    0,
	    {}};
	const Result resumed = run_statement(statement, Values());
	for (uint64 i = 0; i < resumed.count(); i++) {
		const std::int64_t id = resumed.int64_at(i, 1);
		keep_to_window(id);
		wake_sender_at_commit(any_due);
		ereport(LOG, (errmsg("WhatsApp campaign %lld goes on: the budget has room for it",
		                     static_cast<long long>(id))));
	}
}

} // namespace

void
watch_campaign_budgets(std::int64_t now)
{
	static std::int64_t next_look = 0;
	if (now < next_look)
		return;
	const std::int64_t begin = monotonic_ms();
	(void)run_transaction([] {
		if (!any_budgets())
			return;
		resume_fitting();
		stop_held();
	});
	next_look = now + std::max(look_ms, least_share * (monotonic_ms() - begin));
}

} // namespace whatsapp::pg
