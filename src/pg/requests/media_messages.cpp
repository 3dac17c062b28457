/*
 * media_messages.cpp — a message that waits is due when it expires, and is put forward when its
 * file is there.
 */
#include "pg/requests/media_messages.hpp"

#include "pg/queue/give_up.hpp"
#include "pg/requests/media_upload.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

#define PLACE_HOLDER "'media-'"

void
check_upload(const Result &row, std::int64_t media, const char *sender)
{
	if (row.empty())
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
		                errmsg("uploaded file %lld does not exist", static_cast<long long>(media)),
		                errhint("wa_upload_media() returns the id of one.")));
	if (sender != nullptr && strcmp(row.text_at(0, 1), sender) != 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("file %lld was uploaded for sender \"%s\"", static_cast<long long>(media),
		                row.text_at(0, 1)),
		         errdetail("The message is of sender \"%s\".", sender),
		         errhint("Upload it for that sender, too: an upload belongs to its number.")));
	if (strcmp(row.text_at(0, 2), "failed") == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("the upload of file %lld failed", static_cast<long long>(media)),
		         errdetail("%s", row.is_null(0, 5) ? "No reason is known." : row.text_at(0, 5)),
		         errhint("Call wa_upload_media() once more.")));
}

} // namespace

NamedMedia
name_media(std::int64_t media, const char *sender, std::int64_t send_at)
{
	/* locked: else it could become ready before the message waits for it, and nobody would tell */
	static Statement statement = {
	    "SELECT sender, state, CASE WHEN state = 'ready' AND expires_at > greatest(now(), $2) + interval '1 day' THEN media_id END,"
	    "  content IS NOT NULL, error_message, filename, mime_type FROM @s@.whatsapp_media WHERE id = $1 AND origin = 'upload' FOR SHARE",
	    2,
	    {INT8OID, TIMESTAMPTZOID}};
	Values values;
	values.set(0, Int64GetDatum(media));
	if (send_at != 0)
		values.set(1, TimestampTzGetDatum(send_at));
	const Result row = run_statement(statement, values);
	check_upload(row, media, sender);
	NamedMedia named = {};
	if (!row.is_null(0, 6))
		strlcpy(named.filename, row.text_at(0, 6), sizeof named.filename);
	if (!row.is_null(0, 7))
		strlcpy(named.mime_type, row.text_at(0, 7), sizeof named.mime_type);
	named.waits = row.is_null(0, 3);
	if (!named.waits) {
		strlcpy(named.name, row.text_at(0, 3), sizeof named.name);
		return named;
	}
	if (strcmp(row.text_at(0, 2), "ready") == 0) {
		if (!row.bool_at(0, 4))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			                errmsg("file %lld has lapsed at Meta, and its content is gone",
			                       static_cast<long long>(media)),
			                errhint("Call wa_upload_media() once more.")));
		upload_again(media);
	}
	snprintf(named.name, sizeof named.name, "media-%lld", static_cast<long long>(media));
	return named;
}

void
wait_for_media(std::int64_t message_id, std::int64_t media)
{
	/* a message that was enqueued before, under the same idempotency key, is left as it is */
	static Statement note = {
	    "INSERT INTO @s@.whatsapp_media_messages (message_id, media, due_at)"
	    " SELECT q.message_id, $2, q.due_at FROM @s@.whatsapp_queue AS q"
	    " WHERE q.message_id = $1 AND q.state = 'ready' AND q.attempts = 0"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_media_messages WHERE message_id = $1)",
	    2,
	    {INT8OID, INT8OID}};
	static Statement put_off = {
	    "UPDATE @s@.whatsapp_queue SET due_at = expires_at WHERE message_id = $1 AND state = 'ready'",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set(1, Int64GetDatum(media));
	if (run_statement(note, values).count() > 0)
		(void)run_statement(put_off, values);
}

LapsedName
find_lapsed_name(std::int64_t message_id)
{
	/* a place-holder, or an id under which Meta has the file no more */
	static Statement statement = {
	    "SELECT f.id, n.name FROM (SELECT m.sender, coalesce(m.payload #>> ARRAY[m.message_type, 'id'],"
	    "  m.payload #>> '{template,components,0,parameters,0,document,id}', m.payload #>> '{template,components,0,parameters,0,image,id}',"
	    "  m.payload #>> '{template,components,0,parameters,0,video,id}', m.payload #>> '{interactive,header,document,id}',"
	    "  m.payload #>> '{interactive,header,image,id}', m.payload #>> '{interactive,header,video,id}') AS name"
	    "  FROM @s@.whatsapp_messages AS m WHERE m.id = $1 AND m.status IN ('FAILED', 'CANCELLED')) AS n"
	    " CROSS JOIN LATERAL ("
	    "  SELECT u.id FROM @s@.whatsapp_media AS u WHERE u.origin = 'upload' AND u.sender = n.sender"
	    "   AND u.id = substring(n.name FROM '^' || " PLACE_HOLDER " || '([0-9]{1,18})$')::bigint"
	    "  UNION ALL SELECT u.id FROM @s@.whatsapp_media AS u WHERE u.origin = 'upload' AND u.sender = n.sender"
	    "   AND u.media_id = n.name AND u.expires_at <= now() + interval '1 day'"
	    "  UNION ALL SELECT u.id FROM @s@.whatsapp_media AS u WHERE u.origin = 'upload' AND u.sender = n.sender"
	    "   AND u.lapsed_media_ids <> '{}' AND n.name = ANY (u.lapsed_media_ids)) AS f LIMIT 1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	const Result found = run_statement(statement, values);
	LapsedName lapsed = {};
	if (found.empty())
		return lapsed;
	lapsed.media = found.int64_at(0, 1);
	strlcpy(lapsed.name, found.text_at(0, 2), sizeof lapsed.name);
	return lapsed;
}

void
name_media_again(std::int64_t message_id, const LapsedName &lapsed, const NamedMedia &named)
{
	static Statement fill_in = {"UPDATE @s@.whatsapp_messages AS m"
	                            " SET payload = replace(m.payload::text, to_json($2)::text,"
	                            "  to_json($3)::text)::json WHERE m.id = $1",
	                            3,
	                            {INT8OID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set_text(1, lapsed.name);
	values.set_text(2, named.name);
	(void)run_statement(fill_in, values);
	if (named.waits)
		wait_for_media(message_id, lapsed.media);
}

namespace
{

void
forget_waiting(const Values &values)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_media_messages WHERE media = $1", 1, {INT8OID}};
	(void)run_statement(statement, values);
}

} // namespace

/* The queue's rows first, as everywhere. */
void
send_waiting_messages(std::int64_t media, const char *media_id)
{
	static Statement put_forward = {
	    "UPDATE @s@.whatsapp_queue AS q SET due_at = w.due_at FROM @s@.whatsapp_media_messages AS w"
	    " WHERE w.media = $1 AND q.message_id = w.message_id AND q.state = 'ready'",
	    1,
	    {INT8OID}};
	static Statement fill_in = {
	    "UPDATE @s@.whatsapp_messages AS m"
	    " SET payload = replace(m.payload::text, to_json(" PLACE_HOLDER
	    " || $1)::text, to_json($2)::text)::json"
	    " FROM @s@.whatsapp_media_messages AS w WHERE w.media = $1 AND m.id = w.message_id AND m.status = 'PENDING'",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(media));
	values.set_text(1, media_id);
	if (run_statement(put_forward, values).count() > 0)
		wake_sender_at_commit(any_due);
	(void)run_statement(fill_in, values);
	forget_waiting(values);
}

void
fail_waiting_messages(std::int64_t media, const char *message)
{
	static Statement waiting = {
	    "SELECT q.message_id, q.attempts FROM @s@.whatsapp_queue AS q JOIN @s@.whatsapp_media_messages AS w ON w.message_id = q.message_id"
	    " WHERE w.media = $1 AND q.state = 'ready' ORDER BY q.message_id FOR UPDATE OF q",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(media));
	(void)give_up_entries(run_statement(waiting, values),
	                      psprintf("its file could not be uploaded: %s",
	                               message == nullptr ? "no reason is known" : message),
	                      "See whatsapp_media and whatsapp_requests; call wa_upload_media() once "
	                      "more, and enqueue the message again.");
	forget_waiting(values);
}

} // namespace whatsapp::pg
