/*
 * codes.cpp — codes have a table of their own: the sender need not know of them, nor must
 * whatsapp_messages have an index.
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
	/* A message that is PENDING without a row in the queue keeps its content. It is left out here:
	 * else such messages would fill the LIMIT, and others would never be reached. */
	static Statement find = {
	    "SELECT c.message_id FROM @s@.whatsapp_codes AS c WHERE NOT EXISTS"
	    " (SELECT FROM @s@.whatsapp_queue AS q WHERE q.message_id = c.message_id)"
	    " AND NOT EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.id = c.message_id AND m.status = 'PENDING')"
	    " ORDER BY c.message_id LIMIT 1000",
	    0,
	    {}};
	/* A message that somebody has locked is taken in the next turn: the others need not wait for
	 * it. */
	static Statement free_ones = {
	    "SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1)"
	    " AND m.status <> 'PENDING' AND m.payload IS NOT NULL ORDER BY m.id FOR NO KEY UPDATE SKIP LOCKED",
	    1,
	    {INT8ARRAYOID}};
	/* wa_retry() may have queued a message again meanwhile: then it keeps its content, and its row
	 * in whatsapp_codes. */
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
