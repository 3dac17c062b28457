/*
 * message_values.cpp — values by parameter number; the texts of the statements rely on these
 * numbers.
 */
#include "pg/enqueue/message_values.hpp"

namespace whatsapp::pg
{

void
set_message_values(Values &values, const NewMessage &message)
{
	values.set_text(0, message.sender);
	values.set_text(1, message.recipient_phone);
	values.set_text(2, message.message_type);
	values.set_text(3, message.template_name);
	values.set_text(4, message.template_language);
	values.set_text(5, message.payload);
	values.set_text(6, message.reference);
}

std::int64_t
stored_id(const Result &inserted)
{
	if (inserted.empty())
		ereport(ERROR,
		        (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION), errmsg("message was not stored"),
		         errdetail("The row was left out of whatsapp_messages or whatsapp_queue."),
		         errhint("A trigger or a rule on one of these tables leaves rows out: see \\d "
		                 "whatsapp_messages and \\d whatsapp_queue.")));
	return inserted.int64_at(0, 1);
}

} // namespace whatsapp::pg
