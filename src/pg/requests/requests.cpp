/*
 * requests.cpp — plain statements: requests are few.
 */
#include "pg/requests/requests.hpp"

#include "pg/identity/instance.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/milliseconds.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

Datum
text_array(const char *const *texts, std::size_t count)
{
	Column column(count);
	for (std::size_t i = 0; i < count; i++)
		column.add(PointerGetDatum(cstring_to_text(texts[i])));
	return column.array(TEXTOID);
}

} // namespace

std::int64_t
add_request(const NewRequest &request)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_requests (kind, account, sender, request, due_at)"
	    " VALUES ($1, $2, $3, coalesce($4, '{}')::jsonb, now() + make_interval(secs => $5)) RETURNING id",
	    5,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID}};
	Values values;
	values.set_text(0, request.kind);
	values.set_text(1, request.account);
	values.set_text(2, request.sender);
	values.set_text(3, request.request);
	values.set(4, Float8GetDatum(static_cast<double>(request.delay_ms) / 1000));
	const Result made = run_statement(statement, values);
	if (made.empty())
		raise_left_out("whatsapp_requests");
	wake_clerk_at_commit();
	return made.int64_at(0, 1);
}

std::int64_t
find_waiting_request(const char *kind, const char *account, bool is_due)
{
	static Statement statement = {
	    "SELECT id FROM @s@.whatsapp_requests WHERE ended_at IS NULL AND state = 'waiting' AND attempts = 0 AND kind = $1"
	    " AND account IS NOT DISTINCT FROM $2 AND (due_at <= now() OR NOT $3) ORDER BY id LIMIT 1",
	    3,
	    {TEXTOID, TEXTOID, BOOLOID}};
	Values values;
	values.set_text(0, kind);
	values.set_text(1, account);
	values.set(2, BoolGetDatum(is_due));
	const Result found = run_statement(statement, values);
	return found.empty() ? 0 : found.int64_at(0, 1);
}

namespace
{

/* Reads the file that is to be uploaded by the request. */
void
read_file(ClaimedRequest &claimed)
{
	static Statement media = {
	    "SELECT content FROM @s@.whatsapp_media WHERE id = ($1::jsonb ->> 'media')::bigint",
	    1,
	    {TEXTOID}};
	static Statement sample = {
	    "SELECT content FROM @s@.whatsapp_template_samples WHERE name = $1::jsonb ->> 'sample'"
	    " AND sha256 = $1::jsonb ->> 'sha256' AND account IS NOT DISTINCT FROM $2",
	    2,
	    {TEXTOID, TEXTOID}};
	const bool is_media = strcmp(claimed.kind, "upload_media") == 0;
	if (!is_media && strcmp(claimed.kind, "upload_sample") != 0)
		return;
	Values values;
	values.set_text(0, claimed.request);
	if (!is_media)
		values.set_text(1, claimed.account);
	const Result row = run_statement(is_media ? media : sample, values);
	if (row.empty() || row.is_null(0, 1))
		return;
	/* always a copy: a small one stands in the row of the result, which ends with the transaction
	 */
	const bytea *content = DatumGetByteaPCopy(row.datum_at(0, 1, BYTEAOID));
	claimed.file = VARDATA_ANY(content);
	claimed.file_size = VARSIZE_ANY_EXHDR(content);
}

} // namespace

bool
claim_request(const BusyAccounts &busy, MemoryContextData *memory, ClaimedRequest &claimed)
{
	static Statement look = {
	    "SELECT id FROM @s@.whatsapp_requests WHERE ended_at IS NULL AND state IN ('waiting', 'unknown')"
	    " AND due_at <= clock_timestamp() AND coalesce(account, '') || coalesce('/' || sender, '') <> ALL ($1)"
	    " AND coalesce(account, '') <> ALL ($2) ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED",
	    2,
	    {TEXTARRAYOID, TEXTARRAYOID}};
	/* a request that is unknown stays so: to look what became of it is no second attempt */
	static Statement mark = {
	    "UPDATE @s@.whatsapp_requests AS r SET started_at = clock_timestamp(),"
	    "  state = CASE r.state WHEN 'waiting' THEN 'running' ELSE r.state END,"
	    "  attempts = r.attempts + (r.state = 'waiting')::int, looks = CASE r.state WHEN 'waiting' THEN 0 ELSE r.looks + 1 END"
	    " WHERE r.id = $1 RETURNING r.kind, r.account, r.sender, r.request, r.attempts, r.looks, r.state = 'unknown', r.started_at",
	    1,
	    {INT8OID}};
	static Statement route = {
	    "SELECT s.phone_number_id, a.business_account_id, a.api_version, a.api_base_url FROM (SELECT $1, $2) AS r (account, sender)"
	    " LEFT JOIN @s@.whatsapp_accounts AS a ON a.name = r.account LEFT JOIN @s@.whatsapp_senders AS s ON s.name = r.sender",
	    2,
	    {TEXTOID, TEXTOID}};
	Values values;
	values.set(0, text_array(busy.lanes, busy.lane_count));
	values.set(1, text_array(busy.resting, busy.resting_count));
	const Result found = run_statement(look, values);
	if (found.empty())
		return false;
	claimed = {};
	claimed.id = found.int64_at(0, 1);
	values.set(0, Int64GetDatum(claimed.id));
	const Result marked = run_statement(mark, values);
	if (marked.empty())
		raise_left_out("whatsapp_requests");
	MemoryContext before = MemoryContextSwitchTo(memory);
	claimed.kind = marked.text_at(0, 1);
	claimed.account = marked.text_at(0, 2);
	claimed.sender = marked.text_at(0, 3);
	claimed.request = marked.text_at(0, 4);
	claimed.attempts = marked.int32_at(0, 5);
	claimed.looks = marked.int32_at(0, 6);
	claimed.is_unknown = marked.bool_at(0, 7);
	claimed.started_at = marked.int64_at(0, 8);
	MemoryContextSwitchTo(before);
	values = Values();
	values.set_text(0, claimed.account);
	values.set_text(1, claimed.sender);
	const Result way = run_statement(route, values);
	MemoryContextSwitchTo(memory);
	claimed.phone_number_id = way.text_at(0, 1);
	claimed.business_account_id = way.text_at(0, 2);
	claimed.api_version = way.text_at(0, 3);
	claimed.api_base_url = way.text_at(0, 4);
	read_file(claimed);
	MemoryContextSwitchTo(before);
	return true;
}

void
settle_request(const EndedRequest &ended)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_requests SET state = $2, ended_at = CASE WHEN $2 IN ('done', 'failed') THEN clock_timestamp() END,"
	    "  due_at = CASE WHEN $2 IN ('done', 'failed') THEN due_at ELSE clock_timestamp() + make_interval(secs => $3) END,"
	    "  attempts = attempts - $4::int, http_status = $5, error_code = $6, error_message = $7, error_details = $8::jsonb,"
	    "  hint = $9, result = $10::jsonb"
	    " WHERE id = $1 AND ended_at IS NULL",
	    10,
	    {INT8OID, TEXTOID, FLOAT8OID, BOOLOID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID,
	     TEXTOID}};
	static Statement left = {
	    "SELECT 1 FROM @s@.whatsapp_requests WHERE id = $1 AND ended_at IS NULL", 1, {INT8OID}};
	static const char *const states[] = {"done", "failed", "waiting", "waiting", "unknown"};
	Values values;
	values.set(0, Int64GetDatum(ended.id));
	const Values key = values;
	values.set_text(1, states[static_cast<int>(ended.end)]);
	values.set(2, Float8GetDatum(static_cast<double>(ended.delay_ms) / 1000));
	values.set(3, BoolGetDatum(ended.end == RequestEnd::put_back));
	if (ended.http_status != 0)
		values.set(4, Int32GetDatum(static_cast<std::int32_t>(ended.http_status)));
	if (ended.has_code)
		values.set(5, Int64GetDatum(ended.code));
	values.set_text(6, ended.message);
	values.set_text(7, ended.details);
	values.set_text(8, ended.hint);
	values.set_text(9, ended.result);
	/* a row that somebody has deleted meanwhile is no error */
	if (run_statement(statement, values).count() == 0 && !run_statement(left, key).empty())
		raise_left_out("whatsapp_requests");
}

std::int64_t
next_request_ms()
{
	static Statement statement = {
	    "SELECT " MILLISECONDS_UNTIL(
	        "min(due_at)",
	        "clock_timestamp()") " FROM @s@.whatsapp_requests"
	                             " WHERE ended_at IS NULL AND state IN ('waiting', 'unknown')",
	    0,
	    {}};
	const Result due = run_statement(statement, Values());
	return due.is_null(0, 1) ? -1 : Max(due.int64_at(0, 1), 0);
}

void
forget_old_requests()
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_requests WHERE ended_at < now() - interval '30 days'", 0, {}};
	(void)run_statement(statement, Values());
}

void
call_clerk_for_due_requests()
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_requests WHERE ended_at IS NULL AND due_at <= now() LIMIT 1",
	    0,
	    {}};
	if (settings.clerk && settings.enabled && !run_statement(statement, Values()).empty() &&
	    !instance_is_held())
		wake_clerk_at_commit();
}

} // namespace whatsapp::pg
