/*
 * probe_rows.cpp — each answer of a probe says a part; the row has the last of each.
 */
#include "pg/requests/probe_rows.hpp"

#include "pg/requests/number_rows.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* $1 account, $2 time, $3 JSON. */
#define PROBE_TYPES TEXTOID, TIMESTAMPTZOID, TEXTOID
#define OF_ACCOUNT " WHERE account IS NOT DISTINCT FROM $1"

Statement insert = {"INSERT INTO @s@.whatsapp_probes (account, probed_at) SELECT $1, $2"
                    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_probes" OF_ACCOUNT ")",
                    3,
                    {PROBE_TYPES}};

Statement update_apps = {
    "UPDATE @s@.whatsapp_probes SET probed_at = $2, subscribed_apps = ($3::jsonb -> 'apps')" OF_ACCOUNT
    " AND $3::jsonb ? 'apps'",
    3,
    {PROBE_TYPES}};

/* Meta's 0 is never; what is no time of ours is not known. */
#define TIME_OF(member)                                         \
	"CASE WHEN t.token ->> '" member "' ~ '^[1-9][0-9]{0,10}$'" \
	" THEN to_timestamp((t.token ->> '" member "')::float8) END"

Statement update_token = {
    "UPDATE @s@.whatsapp_probes AS p SET probed_at = $2, token_valid = t.token ->> 'is_valid' = 'true',"
    " token_permanent = CASE WHEN t.token ? 'expires_at' THEN t.token ->> 'expires_at' = '0' END,"
    " token_expires_at = " TIME_OF("expires_at") ", data_access_expires_at = " TIME_OF(
        "data_access_expires_at") ","
                                  " token_scopes = ARRAY(SELECT jsonb_array_elements_text(t.token -> 'scopes')), app_id = t.token ->> 'app_id'"
                                  " FROM (SELECT $3::jsonb -> 'token' AS token) AS t"
                                  " WHERE p.account IS NOT DISTINCT FROM $1 AND t.token IS NOT NULL",
    3,
    {PROBE_TYPES}};

Statement sum_up = {
    "SELECT jsonb_build_object('token_valid', token_valid, 'token_permanent', token_permanent,"
    " 'subscribed_apps', jsonb_array_length(subscribed_apps))::text FROM @s@.whatsapp_probes" OF_ACCOUNT,
    1,
    {TEXTOID}};

} // namespace

const char *
write_probe(const AnsweredRequest &answered)
{
	Values values;
	values.set_text(0, answered.account);
	values.set(1, TimestampTzGetDatum(answered.asked_at));
	values.set_text(2, answered.rows);
	(void)run_statement(insert, values);
	(void)run_statement(update_apps, values);
	(void)run_statement(update_token, values);
	(void)write_synced_numbers(answered);
	return answered.is_last ? run_statement(sum_up, values).text_at(0, 1) : nullptr;
}

} // namespace whatsapp::pg
