/*
 * codes.cpp — by a list of its own: neither the sender nor an index of the messages has to know of
 * it.
 */
#include "pg/retention/codes.hpp"

#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

OwnTable codes("whatsapp_codes");

} // namespace

void
erase_sent_codes()
{
	/* one that waits though its row in the queue is gone keeps its content, and no room of others
	 */
	static Statement find = {
	    "SELECT c.message_id FROM @s@.whatsapp_codes AS c WHERE NOT EXISTS"
	    " (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = c.message_id)"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = c.message_id AND m.status = 'PENDING')"
	    " ORDER BY c.message_id LIMIT 1000",
	    0,
	    {}};
	/* what somebody has locked is met in the next turn, and keeps no code of others */
	static Statement free_ones = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1)"
	    " AND m.status <> 'PENDING' AND m.payload IS NOT NULL ORDER BY m.id FOR NO KEY UPDATE SKIP LOCKED",
	    1,
	    {INT8ARRAYOID}};
	/* wa_retry() may have put one back meanwhile: then it keeps its content, and its row here */
	static Statement erase = {
	    "UPDATE @s@.whatsapp_messages AS m SET payload = NULL WHERE m.id = ANY ($1)"
	    " AND m.status <> 'PENDING' AND m.payload IS NOT NULL",
	    1,
	    {INT8ARRAYOID}};
	static Statement end = {
	    "DELETE FROM @s@.whatsapp_codes AS c WHERE c.message_id = ANY ($1) AND NOT EXISTS"
	    " (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = c.message_id AND m.payload IS NOT NULL)",
	    1,
	    {INT8ARRAYOID}};
	if (!has_pages(codes))
		return;
	const Result found = run_statement(find, Values());
	if (found.empty())
		return;
	const Values gone = ids_of(found);
	run_statement(erase, ids_of(run_statement(free_ones, gone)));
	run_statement(end, gone);
}

} // namespace whatsapp::pg
