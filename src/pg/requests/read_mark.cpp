/*
 * read_mark.cpp — the request is made for the number that the message came to.
 */
#include "pg/requests/read_mark.hpp"

#include "pg/requests/requests.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

std::int64_t
request_read_mark(std::int64_t inbound_id, bool typing)
{
	static Statement statement = {
	    "SELECT i.sender, s.account, i.occurred_at < now() - interval '30 days',"
	    "  jsonb_build_object('wamid', i.wamid, 'typing', $2)::text"
	    " FROM @s@.whatsapp_inbound AS i LEFT JOIN @s@.whatsapp_senders AS s ON s.name = i.sender WHERE i.id = $1",
	    2,
	    {INT8OID, BOOLOID}};
	Values values;
	values.set(0, Int64GetDatum(inbound_id));
	values.set(1, BoolGetDatum(typing));
	const Result row = run_statement(statement, values);
	if (row.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_NO_DATA_FOUND),
		         errmsg("inbound message %lld does not exist", static_cast<long long>(inbound_id)),
		         errhint("See whatsapp_inbound.id.")));
	if (row.is_null(0, 1))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("inbound message %lld came to a number that is no sender here",
		                       static_cast<long long>(inbound_id)),
		                errhint("Insert the number into whatsapp_senders.")));
	if (row.bool_at(0, 3))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("inbound message %lld is older than 30 days",
		                       static_cast<long long>(inbound_id)),
		                errdetail("Meta marks no older ones.")));
	return add_request({"mark_read", row.text_at(0, 2), row.text_at(0, 1), row.text_at(0, 4)});
}

} // namespace whatsapp::pg
