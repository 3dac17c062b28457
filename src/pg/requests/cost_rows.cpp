/*
 * cost_rows.cpp — plain statements over what the answer has.
 */
#include "pg/requests/cost_rows.hpp"

#include "pg/identity/account_ids.hpp"
#include "pg/requests/requests.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "utils/date.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

[[noreturn]] void
raise_wrong_days()
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("last_day must be one of the 366 days after first_day")));
	pg_unreachable();
}

} // namespace

const char *
write_synced_costs(const AnsweredRequest &answered)
{
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_meta_costs WHERE account IS NOT DISTINCT FROM $1"
	    " AND day BETWEEN ($2::jsonb ->> 'first_day')::date AND ($2::jsonb ->> 'last_day')::date",
	    2,
	    {TEXTOID, TEXTOID}};
	/* a day of which Meta has nothing to tell has a row, too: it was asked for */
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_meta_costs (account, day, country, category, pricing_type, units, cost, synced_at)"
	    " SELECT $1, d.day, t.country, t.category, t.pricing_type, coalesce(t.units, 0), t.cost, $4"
	    " FROM (SELECT g.at::date AS day FROM generate_series(($2::jsonb ->> 'first_day')::timestamp, ($2::jsonb ->> 'last_day')::timestamp,"
	    "   interval '1 day') AS g (at)) AS d"
	    " LEFT JOIN (SELECT timezone($2::jsonb ->> 'time_zone', to_timestamp(p.start))::date AS day, p.country,"
	    "   replace(" LOWER_WORD("p.pricing_category") ", '-', '_') AS category, " LOWER_WORD(
	        "p.pricing_type") " AS pricing_type, sum(p.volume)::bigint AS units, sum(p.cost) AS cost"
	                          "  FROM jsonb_to_recordset($3::jsonb -> 'points') AS p (start bigint, country text, pricing_category text, pricing_type text,"
	                          "   volume bigint, cost numeric) GROUP BY 1, 2, 3, 4) AS t ON t.day = d.day",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
	Values values;
	values.set_text(0, answered.account);
	values.set_text(1, answered.request);
	values.set_text(2, answered.rows);
	values.set(3, TimestampTzGetDatum(answered.asked_at));
	(void)run_statement(remove, values);
	const uint64 rows = run_statement(insert, values).count();
	return psprintf("{\"rows\": %llu}", static_cast<unsigned long long>(rows));
}

std::int64_t
request_costs(const char *account, const NullableDatum &first, const NullableDatum &last)
{
	static Statement statement = {
	    "SELECT jsonb_build_object('first_day', f.first_day, 'last_day', l.last_day, 'time_zone', z.time_zone,"
	    "  'start', extract(epoch FROM timezone(z.time_zone, f.first_day::timestamp))::bigint,"
	    "  'end', extract(epoch FROM timezone(z.time_zone, l.last_day + interval '1 day'))::bigint)::text,"
	    " z.time_zone IS NOT NULL, f.first_day <= l.last_day AND l.last_day - f.first_day <= 366"
	    " FROM (SELECT CASE WHEN $1 IS NULL THEN nullif(current_setting('whatsapp.account_time_zone', true), '')"
	    "   ELSE (SELECT a.time_zone FROM @s@.whatsapp_accounts AS a WHERE a.name = $1) END AS time_zone) AS z"
	    " CROSS JOIN LATERAL (SELECT coalesce($3, timezone(coalesce(z.time_zone, 'UTC'), now())::date - 1) AS last_day) AS l"
	    " CROSS JOIN LATERAL (SELECT coalesce($2, l.last_day - 29) AS first_day) AS f",
	    3,
	    {TEXTOID, DATEOID, DATEOID}};
	require_account(account);
	for (const NullableDatum &day : {first, last})
		if (!day.isnull && DATE_NOT_FINITE(DatumGetDateADT(day.value)))
			raise_wrong_days();
	Values values;
	values.set_text(0, account);
	if (!first.isnull)
		values.set(1, first.value);
	if (!last.isnull)
		values.set(2, last.value);
	const Result found = run_statement(statement, values);
	if (!found.bool_at(0, 2))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("the time zone of the account is not known"),
		                errhint("Its days begin in it: see whatsapp_billing and docs/prices.md.")));
	if (!found.bool_at(0, 3))
		raise_wrong_days();
	return add_request({"sync_costs", account, nullptr, found.text_at(0, 1)});
}

} // namespace whatsapp::pg
