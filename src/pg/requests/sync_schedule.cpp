/*
 * sync_schedule.cpp — nothing is asked for while such a request waits, or when one was made lately.
 */
#include "pg/requests/sync_schedule.hpp"

#include "pg/identity/instance.hpp"
#include "pg/requests/cost_rows.hpp"
#include "pg/requests/requests.hpp"
#include "pg/server/secrets.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

/* Meta ends reviews in bursts: one sync reads what several webhooks are about */
constexpr std::int64_t after_webhook_ms = 10000;

bool
is_id_known(const char *account)
{
	static Secret known;
	return read_secret(account, "business_account_id", known) && known.length > 0;
}

/* Named ones, and a row of NULL for the default one. */
Result
read_accounts()
{
	static Statement statement = {
	    "SELECT NULL::text, false UNION ALL SELECT name, business_account_id IS NOT NULL FROM @s@.whatsapp_accounts",
	    0,
	    {}};
	return run_statement(statement, Values());
}

bool
is_sync_due(const char *kind, const char *account, std::int64_t max_age_ms)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_requests WHERE kind = $1 AND account IS NOT DISTINCT FROM $2"
	    " AND (ended_at IS NULL OR created_at > now() - make_interval(secs => $3)) LIMIT 1",
	    3,
	    {TEXTOID, TEXTOID, FLOAT8OID}};
	Values values;
	values.set_text(0, kind);
	values.set_text(1, account);
	values.set(2, Float8GetDatum(static_cast<double>(max_age_ms) / 1000));
	return run_statement(statement, values).empty();
}

/* Costs are read only where currency and time zone are set: who has not set them does not ask what
 * messages cost. */
bool
is_priced(const char *account)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_billing WHERE account IS NOT DISTINCT FROM $1"
	    " AND currency IS NOT NULL AND time_zone IS NOT NULL LIMIT 1",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, account);
	return !run_statement(statement, values).empty();
}

} // namespace

void
request_due_syncs(std::int64_t max_age_ms, std::int64_t max_daily_age_ms)
{
	if (settings.sync_interval == 0 || !settings.clerk || !settings.enabled || instance_is_held())
		return;
	const Result accounts = read_accounts();
	for (uint64 i = 0; i < accounts.count(); i++) {
		const char *account = accounts.text_at(i, 1);
		if (!accounts.bool_at(i, 2) && !is_id_known(account))
			continue;
		for (const char *kind : {"sync_templates", "sync_numbers"})
			if (is_sync_due(kind, account, max_age_ms))
				(void)add_request({kind, account, nullptr, nullptr});
		if (is_sync_due("probe", account, max_daily_age_ms))
			(void)add_request({"probe", account, nullptr, nullptr});
		constexpr NullableDatum usual_day = {Datum(0), true};
		if (is_sync_due("sync_costs", account, max_daily_age_ms) && is_priced(account))
			(void)request_costs(account, usual_day, usual_day);
	}
}

void
request_template_sync_soon(const char *account)
{
	if (settings.sync_interval != 0 && settings.clerk && settings.enabled &&
	    find_waiting_request("sync_templates", account, false) == 0)
		(void)add_request({"sync_templates", account, nullptr, nullptr, after_webhook_ms});
}

} // namespace whatsapp::pg
