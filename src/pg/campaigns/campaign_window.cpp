/*
 * campaign_window.cpp — two statements.
 */
#include "pg/campaigns/campaign_window.hpp"

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

void
keep_to_window(std::int64_t campaign)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_campaign_pauses AS p (campaign_id, cause, reason, starts_at)"
	    " SELECT d.id, 'window', 'outside of its hours', coalesce(" CAMPAIGN_WINDOW_END(
	        "d") ", now())"
	             " FROM @s@.whatsapp_campaign_definitions AS d WHERE d.id = $1 AND d.send_window IS NOT NULL"
	             " ON CONFLICT (campaign_id) DO UPDATE SET starts_at = EXCLUDED.starts_at WHERE p.cause = 'window'",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(campaign));
	(void)run_statement(statement, values);
}

void
check_window(const char *hours, const char *time_zone)
{
	static Statement statement = {
	    "SELECT @s@.wa_send_window(now(), $1, $2)", 2, {TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, hours);
	values.set_text(1, time_zone);
	(void)run_statement(statement, values);
}

} // namespace whatsapp::pg
