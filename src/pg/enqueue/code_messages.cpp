/*
 * code_messages.cpp — they have a table of their own, so that whatsapp_messages needs no index to
 * find them.
 */
#include "pg/enqueue/code_messages.hpp"

#include "pg/enqueue/new_message.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

void
note_code_message(std::int64_t message_id)
{
	static Statement known = {
	    "SELECT 1 FROM @s@.whatsapp_codes WHERE message_id = $1", 1, {INT8OID}};
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_codes (message_id) VALUES ($1)", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	if (run_statement(known, values).empty() && run_statement(statement, values).count() == 0)
		raise_left_out("whatsapp_codes");
}

bool
is_code_template(const NewMessage &message)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_templates AS t WHERE t.name = $1 AND t.language = $2 AND t.category = 'AUTHENTICATION'"
	    " AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $3)",
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	if (message.template_name == nullptr)
		return false;
	Values values;
	values.set_text(0, message.template_name);
	values.set_text(1, message.template_language);
	values.set_text(2, message.sender);
	return !run_statement(statement, values).empty();
}

} // namespace whatsapp::pg
