/*
 * media_upload.cpp — one row for the same bytes of a sender.
 */
#include "pg/requests/media_upload.hpp"

#include "pg/requests/requests.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

namespace whatsapp::pg
{

namespace
{

/* For a file that is uploaded again each month, the ids of three years. */
constexpr int most_lapsed_ids = 36;

/* The account of a sender; "default" needs no row. */
const char *
require_sender(const char *sender)
{
	static Statement statement = {
	    "SELECT account FROM @s@.whatsapp_senders WHERE name = $1 UNION ALL"
	    " SELECT NULL WHERE $1 = 'default' AND NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = $1)",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	const Result row = run_statement(statement, values);
	if (row.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("sender \"%s\" does not exist", sender),
		         errhint("Insert it into whatsapp_senders.")));
	return row.text_at(0, 1);
}

struct KnownUpload {
	std::int64_t id; /* 0: none */
	bool is_asked_for;
};

KnownUpload
find_upload(const NewUpload &upload)
{
	static Statement statement = {
	    "SELECT id, state = 'waiting' OR (state = 'ready' AND expires_at > now()) FROM @s@.whatsapp_media"
	    " WHERE origin = 'upload' AND sender = $1 AND sha256 = $2 AND mime_type = $3",
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set_text(0, upload.sender);
	values.set_text(1, upload.sha256);
	values.set_text(2, upload.mime_type);
	const Result row = run_statement(statement, values);
	if (row.empty())
		return {0, false};
	return {row.int64_at(0, 1), row.bool_at(0, 2)};
}

std::int64_t
insert_upload(const NewUpload &upload)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_media (origin, sender, mime_type, filename, sha256, size, content)"
	    " VALUES ('upload', $1, $2, $3, $4, octet_length($5), $5) RETURNING id",
	    5,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID}};
	Values values;
	values.set_text(0, upload.sender);
	values.set_text(1, upload.mime_type);
	values.set_text(2, upload.filename);
	values.set_text(3, upload.sha256);
	values.set(4, PointerGetDatum(upload.content));
	const Result made = run_statement(statement, values);
	if (made.empty())
		raise_left_out("whatsapp_media");
	return made.int64_at(0, 1);
}

/* Another session may store the same bytes at this moment. Then its row is taken once it has
 * committed, and its id is returned as a negative number. */
std::int64_t
insert_or_find_upload(const NewUpload &upload)
{
	Problem problem;
	std::int64_t id = 0;
	if (try_body_apart(problem, 0, [&] { id = insert_upload(upload); }))
		return id;
	if (problem_is_repeat(problem)) {
		const KnownUpload known = find_upload(upload);
		if (known.id != 0 && known.is_asked_for)
			return -known.id;
	}
	raise_problem(problem);
}

/* upload.content NULL: the row has the bytes already. */
void
ask_for_upload(std::int64_t id, const char *account, const NewUpload &upload)
{
	static Statement describe = {
	    "SELECT jsonb_strip_nulls(jsonb_build_object('media', $1, 'mime_type', $2, 'filename', $3))::text",
	    3,
	    {INT8OID, TEXTOID, TEXTOID}};
	static Statement mark = {
	    "UPDATE @s@.whatsapp_media SET state = 'waiting', request_id = $2, error_message = NULL,"
	    "  lapsed_media_ids = CASE WHEN media_id IS NULL THEN lapsed_media_ids ELSE media_id || lapsed_media_ids[1:$4] END,"
	    "  media_id = NULL, content = coalesce(content, $3) WHERE id = $1",
	    4,
	    {INT8OID, INT8OID, BYTEAOID, INT4OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	values.set_text(1, upload.mime_type);
	values.set_text(2, upload.filename);
	const char *request = run_statement(describe, values).text_at(0, 1);
	const std::int64_t request_id = add_request({"upload_media", account, upload.sender, request});
	values = Values();
	values.set(0, Int64GetDatum(id));
	values.set(1, Int64GetDatum(request_id));
	if (upload.content != nullptr)
		values.set(2, PointerGetDatum(upload.content));
	values.set(3, Int32GetDatum(most_lapsed_ids - 1));
	(void)run_statement(mark, values);
}

} // namespace

std::int64_t
add_upload(const NewUpload &upload)
{
	const char *account = require_sender(upload.sender);
	KnownUpload known = find_upload(upload);
	if (known.id == 0) {
		known.id = insert_or_find_upload(upload);
		if (known.id < 0)
			return -known.id;
	}
	if (!known.is_asked_for)
		ask_for_upload(known.id, account, upload);
	return known.id;
}

void
upload_again(std::int64_t media)
{
	static Statement statement = {
	    "SELECT sender, mime_type, filename FROM @s@.whatsapp_media WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(media));
	const Result row = run_statement(statement, values);
	const char *sender = row.text_at(0, 1);
	ask_for_upload(media, require_sender(sender),
	               {sender, row.text_at(0, 2), row.text_at(0, 3), nullptr, nullptr});
}

} // namespace whatsapp::pg
