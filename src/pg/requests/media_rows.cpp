/*
 * media_rows.cpp — files that have arrived, here or at Meta, and those that never will.
 */
#include "pg/requests/media_rows.hpp"

#include "pg/requests/media_messages.hpp"
#include "pg/server/statement.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* Meta keeps a file for 30 days; a day less, since a message that names it may wait for a while. */
#define KEPT_BY_META "interval '29 days'"

} // namespace

const char *
write_uploaded_media(const AnsweredRequest &answered)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_media SET state = 'ready', media_id = $2::jsonb ->> 'id', ready_at = $3,"
	    "  expires_at = $3 + " KEPT_BY_META
	    ", error_message = NULL WHERE id = ($1::jsonb ->> 'media')::bigint RETURNING id, media_id",
	    3,
	    {TEXTOID, TEXTOID, TIMESTAMPTZOID}};
	Values values;
	values.set_text(0, answered.request);
	values.set_text(1, answered.rows);
	values.set(2, TimestampTzGetDatum(answered.asked_at));
	const Result row = run_statement(statement, values);
	if (!row.empty())
		send_waiting_messages(row.int64_at(0, 1), row.text_at(0, 2));
	return nullptr;
}

const char *
write_downloaded_media(const AnsweredRequest &answered)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_media SET state = 'ready', content = $2, size = octet_length($2), ready_at = now(), error_message = NULL,"
	    "  sha256 = $3::jsonb ->> 'sha256', mime_type = coalesce(nullif(left($3::jsonb ->> 'mime_type', 60), ''), mime_type)"
	    " WHERE request_id = $1",
	    3,
	    {INT8OID, BYTEAOID, TEXTOID}};
	auto *content = static_cast<bytea *>(
	    MemoryContextAllocHuge(CurrentMemoryContext, answered.file_size + VARHDRSZ));
	SET_VARSIZE(content, answered.file_size + VARHDRSZ);
	memcpy(VARDATA(content), answered.file, answered.file_size);
	Values values;
	values.set(0, Int64GetDatum(answered.id));
	values.set(1, PointerGetDatum(content));
	values.set_text(2, answered.rows);
	(void)run_statement(statement, values);
	return nullptr;
}

void
write_failed_media(std::int64_t request_id, const char *message)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_media SET state = 'failed', error_message = $2 WHERE request_id = $1 AND state = 'waiting' RETURNING id",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(request_id));
	values.set_text(1, message);
	const Result row = run_statement(statement, values);
	if (!row.empty())
		fail_waiting_messages(row.int64_at(0, 1), message);
}

} // namespace whatsapp::pg
