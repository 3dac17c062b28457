/*
 * sample_rows.cpp — one row for each name of an account.
 */
#include "pg/requests/sample_rows.hpp"

#include "pg/identity/account_ids.hpp"
#include "pg/requests/requests.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

#define OF_SAMPLE " WHERE s.name = $2 AND s.account IS NOT DISTINCT FROM $1"

/* Meta does not tell how long it keeps an upload. It is taken to be 30 days, as for media; after 25
 * of them it is uploaded again. */
#define IS_AT_META " AND s.handle IS NOT NULL AND s.uploaded_at > now() - interval '25 days'"

} // namespace

std::int64_t
add_sample(const NewSample &sample)
{
	static Statement known = {"SELECT 1 FROM @s@.whatsapp_template_samples AS s" OF_SAMPLE
	                          " AND s.sha256 = $3 AND s.mime_type = $4" IS_AT_META,
	                          4,
	                          {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	static Statement describe = {
	    "SELECT jsonb_build_object('sample', $1, 'mime_type', $2, 'sha256', $3)::text",
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	static Statement store = {
	    "INSERT INTO @s@.whatsapp_template_samples AS s (account, name, sha256, mime_type, content, request_id)"
	    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name, account) DO UPDATE SET sha256 = EXCLUDED.sha256,"
	    "  mime_type = EXCLUDED.mime_type, content = EXCLUDED.content, request_id = EXCLUDED.request_id,"
	    "  handle = NULL, uploaded_at = NULL, error_message = NULL, created_at = EXCLUDED.created_at",
	    6,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, INT8OID}};
	Values values;
	values.set_text(0, sample.account);
	values.set_text(1, sample.name);
	values.set_text(2, sample.sha256);
	values.set_text(3, sample.mime_type);
	if (!run_statement(known, values).empty())
		return 0;
	require_account(sample.account);
	Values parts;
	parts.set_text(0, sample.name);
	parts.set_text(1, sample.mime_type);
	parts.set_text(2, sample.sha256);
	const char *request = run_statement(describe, parts).text_at(0, 1);
	const std::int64_t request_id =
	    add_request({"upload_sample", sample.account, nullptr, request});
	values.set(4, PointerGetDatum(sample.content));
	values.set(5, Int64GetDatum(request_id));
	if (run_statement(store, values).count() == 0)
		raise_left_out("whatsapp_template_samples");
	return request_id;
}

/* Other bytes may have this name by now: then nothing is written, and their own answer will
 * come. */
const char *
write_uploaded_sample(const AnsweredRequest &answered)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_template_samples AS s SET handle = $2::jsonb ->> 'handle', uploaded_at = $3, error_message = NULL"
	    " WHERE s.name = $2::jsonb ->> 'sample' AND s.sha256 = $2::jsonb ->> 'sha256' AND s.account IS NOT DISTINCT FROM $1",
	    3,
	    {TEXTOID, TEXTOID, TIMESTAMPTZOID}};
	Values values;
	values.set_text(0, answered.account);
	values.set_text(1, answered.rows);
	values.set(2, TimestampTzGetDatum(answered.asked_at));
	(void)run_statement(statement, values);
	return nullptr;
}

void
write_failed_sample(std::int64_t request_id, const char *message)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_template_samples SET error_message = coalesce($2, 'no reason is known') WHERE request_id = $1",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(request_id));
	values.set_text(1, message);
	(void)run_statement(statement, values);
}

} // namespace whatsapp::pg
