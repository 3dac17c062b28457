/*
 * change_log.cpp — the numbers have no gaps, so whoever comes with one is told if any is missing.
 */
#include "pg/changes/change_log.hpp"

#include "core/base/fault.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/settings.hpp"

namespace whatsapp::pg
{

namespace
{

constexpr int retired_at_once = 1000;

[[noreturn]] void
raise_lost(std::int64_t since, const char *detail)
{
	ereport(ERROR, (errcode(errcode_of(sqlstate::changes_lost)),
	                errmsg("changes behind " INT64_FORMAT " are not there", since),
	                errdetail_internal("%s", detail),
	                errhint("Read whatsapp_messages, and go on with the newest number of "
	                        "whatsapp_changes.")));
	pg_unreachable();
}

} // namespace

Result
read_changes(Datum senders, bool has_since, std::int64_t since, std::int32_t most)
{
	/* by one snapshot, so that nothing is retired between the two looks */
	static Statement statement = {
	    "SELECT c.seq, c.message_id, c.status, c.changed_at, c.sender, m.reference, c.error_code, b.oldest, b.newest"
	    " FROM (SELECT (SELECT o.seq FROM @s@.whatsapp_changes AS o ORDER BY o.seq LIMIT 1) AS oldest,"
	    "   (SELECT n.seq FROM @s@.whatsapp_changes AS n ORDER BY n.seq DESC LIMIT 1) AS newest) AS b"
	    " LEFT JOIN LATERAL (SELECT * FROM @s@.whatsapp_changes AS a WHERE a.seq > $1 AND a.message_id IS NOT NULL"
	    "   AND ($3 IS NULL OR a.sender = ANY ($3)) ORDER BY a.seq LIMIT $2) AS c ON true"
	    " LEFT JOIN @s@.whatsapp_messages AS m ON m.id = c.message_id ORDER BY c.seq",
	    3,
	    {INT8OID, INT4OID, TEXTARRAYOID}};
	Values values;
	values.set(0, Int64GetDatum(has_since ? since : PG_INT64_MIN));
	values.set(1, Int32GetDatum(most));
	if (senders != 0)
		values.set(2, senders);
	const Result rows = run_statement(statement, values);
	const std::int64_t oldest = rows.is_null(0, 8) ? 1 : rows.int64_at(0, 8);
	const std::int64_t newest = rows.int64_at(0, 9);
	if (has_since && since < oldest - 1)
		raise_lost(since, psprintf("The oldest that is kept has number " INT64_FORMAT ".", oldest));
	if (has_since && since > newest)
		raise_lost(since, psprintf("The newest has number " INT64_FORMAT ".", newest));
	return rows;
}

bool
retire_changes()
{
	/* the last one stays, so that the numbers go on */
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_changes AS c WHERE c.seq = ANY (ARRAY("
	    "  SELECT o.seq FROM (SELECT a.seq, a.numbered_at FROM @s@.whatsapp_changes AS a ORDER BY a.seq LIMIT $2) AS o"
	    "  WHERE o.numbered_at < now() - make_interval(secs => $1)))"
	    " AND c.seq < (SELECT n.seq FROM @s@.whatsapp_changes AS n ORDER BY n.seq DESC LIMIT 1)",
	    2,
	    {FLOAT8OID, INT4OID}};
	if (settings.keep_changes == 0)
		return false;
	Values values;
	values.set(0, Float8GetDatum(settings.keep_changes));
	values.set(1, Int32GetDatum(retired_at_once));
	return run_statement(statement, values).count() == retired_at_once;
}

} // namespace whatsapp::pg
