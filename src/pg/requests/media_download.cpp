/*
 * media_download.cpp — one row for the file of an inbound message.
 */
#include "pg/requests/media_download.hpp"

#include "pg/requests/requests.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

std::int64_t
add_download(std::int64_t inbound_id)
{
	static Statement look = {
	    "SELECT i.sender, s.account, i.media_id, m.state, m.id,"
	    "  jsonb_strip_nulls(jsonb_build_object('media_id', i.media_id, 'sha256', i.sha256))::text, m.request_id"
	    " FROM @s@.whatsapp_inbound AS i LEFT JOIN @s@.whatsapp_senders AS s ON s.name = i.sender"
	    " LEFT JOIN @s@.whatsapp_media AS m ON m.inbound_id = i.id WHERE i.id = $1",
	    1,
	    {INT8OID}};
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_media (origin, sender, inbound_id, mime_type, filename, media_id)"
	    " SELECT 'download', i.sender, i.id, left(i.mime_type, 60), left(i.filename, 250), left(i.media_id, 64)"
	    " FROM @s@.whatsapp_inbound AS i WHERE i.id = $1",
	    1,
	    {INT8OID}};
	static Statement mark = {
	    "UPDATE @s@.whatsapp_media SET state = 'waiting', request_id = $2, error_message = NULL WHERE inbound_id = $1",
	    2,
	    {INT8OID, INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(inbound_id));
	const Result row = run_statement(look, values);
	if (row.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_NO_DATA_FOUND),
		         errmsg("inbound message %lld does not exist", static_cast<long long>(inbound_id)),
		         errhint("See whatsapp_inbound.id.")));
	if (row.is_null(0, 3))
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("inbound message %lld has no file", static_cast<long long>(inbound_id))));
	if (row.is_null(0, 1))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("inbound message %lld came to a number that is no sender here",
		                       static_cast<long long>(inbound_id)),
		                errhint("Insert the number into whatsapp_senders.")));
	const char *state = row.text_at(0, 4);
	if (state != nullptr && strcmp(state, "ready") == 0)
		return 0;
	if (state != nullptr && strcmp(state, "waiting") == 0 && !row.is_null(0, 7))
		return row.int64_at(0, 7);
	if (state == nullptr)
		(void)run_statement(insert, values);
	const std::int64_t request_id =
	    add_request({"download_media", row.text_at(0, 2), row.text_at(0, 1), row.text_at(0, 6)});
	values.set(1, Int64GetDatum(request_id));
	(void)run_statement(mark, values);
	return request_id;
}

} // namespace whatsapp::pg
