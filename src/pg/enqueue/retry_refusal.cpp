/*
 * retry_refusal.cpp — a look at the message, after the fact.
 */
#include "pg/enqueue/retry_refusal.hpp"

#include "core/value/recipient.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

void
notice_retry_refusal(std::int64_t id)
{
	static Statement statement = {
	    "SELECT status, payload IS NULL, recipient_phone FROM @s@.whatsapp_messages WHERE id = $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	const Result found = run_statement(statement, values);
	const char *status = found.empty() ? nullptr : found.text_at(0, 1);
	const bool ended =
	    status != nullptr && (strcmp(status, "FAILED") == 0 || strcmp(status, "CANCELLED") == 0);
	const char *phone = found.empty() ? nullptr : found.text_at(0, 3);
	const char *reason = "It does not exist.";
	const char *hint = nullptr;
	if (ended && found.bool_at(0, 2)) {
		reason =
		    "It has no content to send: it was refused before it could be put together, or its "
		    "content was deleted since (whatsapp.keep_bodies, wa_forget()).";
		hint =
		    "If its error_message says what is wrong, correct that. Enqueue it with wa_send_po() "
		    "or wa_send_template().";
	} else if (ended && (phone == nullptr || !valid_recipient(phone))) {
		reason = "Its phone number is not in E.164 format.";
		hint = psprintf("Send it to the right one: SELECT wa_retry(%lld, '+34612345678').",
		                static_cast<long long>(id));
	} else if (status != nullptr) {
		reason =
		    psprintf("Its status is %s; what is FAILED or CANCELLED can be sent again.", status);
	}
	ereport(NOTICE, (errmsg("message %lld is not sent again", static_cast<long long>(id)),
	                 errdetail("%s", reason), hint == nullptr ? 0 : errhint("%s", hint)));
}

} // namespace whatsapp::pg
