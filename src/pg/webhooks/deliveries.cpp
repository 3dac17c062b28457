/*
 * deliveries.cpp — the table whatsapp_deliveries, and the names in whatsapp_accounts.
 */
#include "pg/webhooks/deliveries.hpp"

#include "pg/rows/left_out.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

/* how many a transaction of the listener takes; how many bytes is limited by Inbox */
#define DELIVERIES_AT_ONCE "64"
constexpr std::int64_t max_waiting = 10000;
constexpr std::int64_t max_starts = 5;

Result waiting;

} // namespace

void
leave_delivery(varlena *body, const char *signature)
{
	/* the sizes are read from the rows' headers: no body is fetched */
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_deliveries (body, signature) SELECT $1, $2 WHERE"
	    " (SELECT count(*) < $3 AND coalesce(sum(octet_length(d.body)), 0) + octet_length($1) <= $4"
	    "  FROM (SELECT body FROM @s@.whatsapp_deliveries LIMIT $3) AS d)",
	    4,
	    {BYTEAOID, TEXTOID, INT8OID, INT8OID}};
	const std::int64_t size = VARSIZE_ANY_EXHDR(body);
	if (size > static_cast<std::int64_t>(settings.listen_max_body) * 1024)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("webhook delivery is too large"),
		         errdetail("It has %lld bytes, and whatsapp.listen_max_body allows %d kB.",
		                   static_cast<long long>(size), settings.listen_max_body)));
	Values values;
	values.set(0, PointerGetDatum(body));
	values.set_text(1, signature);
	values.set(2, Int64GetDatum(max_waiting));
	values.set(3, Int64GetDatum(static_cast<std::int64_t>(settings.listen_max_buffered) * 1024));
	if (run_statement(statement, values).empty())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
		                errmsg("too many webhook deliveries wait to be verified"),
		                errhint("Answer 503, so that Meta sends this one again. Check that the "
		                        "listener of this database runs and has the app secret.")));
	wake_listener_at_commit();
}

std::size_t
find_deliveries()
{
	static Statement statement = {
	    "SELECT id, body, signature, starts::bigint FROM @s@.whatsapp_deliveries ORDER BY id LIMIT " DELIVERIES_AT_ONCE,
	    0,
	    {}};
	waiting = run_statement(statement, Values());
	return waiting.count();
}

WaitingDelivery
delivery(std::size_t place)
{
	WaitingDelivery found = {};
	found.id = waiting.int64_at(place, 1);
	varlena *body = PG_DETOAST_DATUM_PACKED(waiting.datum_at(place, 2, BYTEAOID));
	found.body = VARDATA_ANY(body);
	found.body_size = VARSIZE_ANY_EXHDR(body);
	found.signature = waiting.text_at(place, 3);
	found.poisonous = waiting.int64_at(place, 4) >= max_starts;
	return found;
}

void
drop_delivery(std::int64_t id)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_deliveries WHERE id = $1", 1, {INT8OID}};
	static Statement left = {"SELECT 1 FROM @s@.whatsapp_deliveries WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	if (run_statement(statement, values).count() == 0 && !run_statement(left, values).empty())
		raise_left_out("whatsapp_deliveries");
}

void
count_start()
{
	static Statement statement = {"UPDATE @s@.whatsapp_deliveries SET starts = starts + 1", 0, {}};
	run_statement(statement, Values());
}

const char *const *
account_names(std::size_t &count)
{
	static Statement statement = {"SELECT name FROM @s@.whatsapp_accounts ORDER BY name", 0, {}};
	const Result rows = run_statement(statement, Values());
	count = rows.count();
	auto **names = static_cast<const char **>(palloc(sizeof(const char *) * (count + 1)));
	for (std::size_t i = 0; i < count; i++)
		names[i] = rows.text_at(i, 1);
	return names;
}

} // namespace whatsapp::pg
