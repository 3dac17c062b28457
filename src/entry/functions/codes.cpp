/*
 * codes.cpp — one-time codes.
 */
#include "core/base/fault.hpp"
#include "core/message/template_message.hpp"
#include "core/value/e164.hpp"
#include "core/value/recipient.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/enqueue/code_messages.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/server/settings.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_send_code);
}

using namespace whatsapp;

namespace
{

TimestampTz
end_of_validity(FunctionCallInfo fcinfo, int index)
{
	entry::require_argument(fcinfo, index, "valid_for");
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	const TimestampTz end = DatumGetTimestampTz(DirectFunctionCall2(
	    timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(index)));
	if (end < now + USECS_PER_SEC || end > now + USECS_PER_DAY)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("valid_for must be between one second and one day")));
	return end;
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_send_code)
{
	entry::Sending message = {};
	message.recipient_phone = entry::required_cstring(fcinfo, 0, limits::phone);
	const char *code = entry::required_cstring(fcinfo, 1, "code");
	if (*code == '\0')
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("code must not be empty")));
	message.template_name = entry::required_cstring(fcinfo, 2, "template");
	message.template_language = entry::optional_text(fcinfo, 3, pg::settings.default_language);
	message.sender = entry::optional_text(fcinfo, 4, limits::sender, nullptr);
	message.reference = entry::optional_text(fcinfo, 5, limits::reference, nullptr);
	message.has_expires_at = true;
	message.expires_at = end_of_validity(fcinfo, 6);
	message.priority = 0; /* urgent */
	message.message_type = "template";
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::resolve_template(message, false);

	char *payload = nullptr;
	pg::run_body([&] {
		if (looks_like_user_id(message.recipient_phone))
			throw Fault(sqlstate::invalid_parameter_value,
			            "one-time code cannot go to a business-scoped user id",
			            "Meta sends authentication templates to phone numbers alone.");
		check_phone(message.recipient_phone);
		TemplateMessage whole;
		whole.name = message.template_name;
		whole.language = message.template_language;
		whole.code = code;
		payload = pg::cstring_out(template_message_payload(whole));
	});
	message.payload = payload;
	const int64 id = entry::send_message(fcinfo, message, [] {});
	PG_RETURN_INT64(entry::in_schema(fcinfo, [id] {
		pg::note_code_message(id);
		return id;
	}));
}
