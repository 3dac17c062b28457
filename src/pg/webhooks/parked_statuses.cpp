/*
 * parked_statuses.cpp — matched by wamid, then left to the reader: neither the sender nor its
 * claims wait for a user's trigger on whatsapp_messages.
 */
#include "pg/webhooks/parked_statuses.hpp"

#include "pg/identity/directory.hpp"
#include "pg/queue/wamids.hpp"
#include "pg/server/columns.hpp"
#include "pg/webhooks/event_queue.hpp"

namespace whatsapp::pg
{

namespace
{

constexpr uint64 most_matches = 1000;
constexpr int lately_seconds = 30;
/* how many generations of wamids half a minute has, at 40,000 messages a second */
constexpr std::int32_t lately_learnt = 5;

} // namespace

bool
match_parked_statuses(int seconds, std::int32_t oldest_generation)
{
	static Statement link = {
	    "UPDATE @s@.whatsapp_events AS e SET message_id = p.message_id FROM ("
	    "  SELECT found.id, found.message_id FROM (SELECT parked.id, parked.signed_for, " MESSAGE_OF_WAMID(
	        "parked.wamid",
	        "$2") " AS message_id"
	              "    FROM @s@.whatsapp_events AS parked"
	              "    WHERE parked.kind = 'status' AND parked.message_id IS NULL"
	              "     AND parked.received_at > now() - make_interval(secs => $1)) AS found"
	              "   WHERE found.message_id IS NOT NULL AND " COUNTS_FOR_ACCOUNT(
	                  "found.signed_for",
	                  ACCOUNT_OF_MESSAGE(
	                      "found.message_id")) " ORDER BY found.message_id LIMIT $3) AS p"
	                                           " WHERE e.id = p.id AND e.message_id IS NULL RETURNING e.id",
	    3,
	    {FLOAT8OID, INT4OID, INT8OID}};
	Values values;
	values.set(0, Float8GetDatum(seconds));
	values.set(1, Int32GetDatum(oldest_generation));
	values.set(2, Int64GetDatum(most_matches));
	const Result rows = run_statement(link, values);
	Column matched(rows.count());
	for (uint64 i = 0; i < rows.count(); i++)
		matched.add(Int64GetDatum(rows.int64_at(i, 1)));
	queue_statuses(matched);
	return rows.count() < most_matches;
}

void
match_lately_parked_statuses()
{
	(void)match_parked_statuses(lately_seconds, newest_generation() - lately_learnt);
}

} // namespace whatsapp::pg
