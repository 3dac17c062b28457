/*
 * number_rows.cpp — plain statements over what the answer has.
 */
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
Values
values_of(const AnsweredRequest &answered)
{
	Values values;
	values.set_text(0, answered.account);
	values.set(1, TimestampTzGetDatum(answered.asked_at));
	values.set_text(2, answered.rows);
	return values;
}

#define ACCOUNT                                                                                                                         \
	"(SELECT a.* FROM jsonb_to_record($3::jsonb -> 'account') AS a (id text, name text, currency text, timezone_id text, country text," \
	"  status text, account_review_status text, business_verification_status text, health_status jsonb)"                                \
	" WHERE a.id IS NOT NULL) AS p"

Statement update_account = {
    "UPDATE @s@.whatsapp_business_accounts AS t SET business_account_id = p.id, name = p.name, currency = p.currency,"
    "  timezone_id = p.timezone_id, country = p.country, status = p.status, review_status = p.account_review_status,"
    "  verification_status = p.business_verification_status, health = p.health_status, synced_at = $2"
    " FROM " ACCOUNT " WHERE t.account IS NOT DISTINCT FROM $1",
    3,
    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement insert_account = {
    "INSERT INTO @s@.whatsapp_business_accounts (account, business_account_id, name, currency, timezone_id, country, status,"
    "  review_status, verification_status, health, synced_at)"
    " SELECT $1, p.id, p.name, p.currency, p.timezone_id, p.country, p.status, p.account_review_status,"
    "  p.business_verification_status, p.health_status, $2 FROM " ACCOUNT
    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_business_accounts AS t WHERE t.account IS NOT DISTINCT FROM $1)",
    3,
    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

/* Ids that are too long for the index are none of Meta's. */
#define NUMBERS                                                                                                                        \
	"(SELECT DISTINCT ON (n.id) n.*, n.throughput ->> 'level' AS level"                                                                \
	" FROM jsonb_to_recordset($3::jsonb -> 'numbers') AS n (id text, display_phone_number text, verified_name text, name_status text," \
	"  quality_rating text, status text, throughput jsonb, whatsapp_business_manager_messaging_limit text,"                            \
	"  code_verification_status text, platform_type text, account_mode text, health_status jsonb)"                                     \
	" WHERE octet_length(n.id) <= 128) AS p"

Statement update_numbers = {
    "UPDATE @s@.whatsapp_numbers AS t SET display_number = p.display_phone_number, display_name = p.verified_name,"
    "  name_status = p.name_status, quality = p.quality_rating, status = p.status, throughput_level = p.level,"
    "  messaging_limit = p.whatsapp_business_manager_messaging_limit, verification_status = p.code_verification_status,"
    "  platform_type = p.platform_type, account_mode = p.account_mode, health = p.health_status, synced_at = $2, gone_at = NULL"
    " FROM " NUMBERS " WHERE t.phone_number_id = p.id AND t.account IS NOT DISTINCT FROM $1",
    3,
    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement insert_numbers = {
    "INSERT INTO @s@.whatsapp_numbers (account, phone_number_id, display_number, display_name, name_status, quality, status,"
    "  throughput_level, messaging_limit, verification_status, platform_type, account_mode, health, synced_at)"
    " SELECT $1, p.id, p.display_phone_number, p.verified_name, p.name_status, p.quality_rating, p.status, p.level,"
    "  p.whatsapp_business_manager_messaging_limit, p.code_verification_status, p.platform_type, p.account_mode, p.health_status, $2"
    " FROM " NUMBERS " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_numbers AS t"
    "  WHERE t.phone_number_id = p.id AND t.account IS NOT DISTINCT FROM $1)",
    3,
    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement mark_gone = {
    "UPDATE @s@.whatsapp_numbers AS t SET gone_at = $2"
    " WHERE t.account IS NOT DISTINCT FROM $1 AND t.gone_at IS NULL AND t.synced_at < $3",
    3,
    {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

Statement sum_up = {
    "SELECT jsonb_build_object('numbers', count(*) FILTER (WHERE gone_at IS NULL AND synced_at >= $2),"
    "  'gone', count(*) FILTER (WHERE gone_at >= $2))::text"
    " FROM @s@.whatsapp_numbers WHERE account IS NOT DISTINCT FROM $1",
    2,
    {TEXTOID, TIMESTAMPTZOID}};

} // namespace

const char *
write_synced_numbers(const AnsweredRequest &answered)
{
	Values values = values_of(answered);
	(void)run_statement(update_account, values);
	(void)run_statement(insert_account, values);
	(void)run_statement(update_numbers, values);
	(void)run_statement(insert_numbers, values);
	if (!answered.is_last)
		return nullptr;
	values.set(2, TimestampTzGetDatum(answered.started_at));
	(void)run_statement(mark_gone, values);
	values.set(1, TimestampTzGetDatum(answered.started_at));
	return run_statement(sum_up, values).text_at(0, 1);
}

} // namespace whatsapp::pg
