/*
 * webhook.cpp — webhooks by way of a web tier: the listener does the work, a session only
 * asks it or leaves it the bytes. And the triggers that notify of what came.
 */
#include "core/base/fault.hpp"
#include "core/webhook/signature.hpp"
#include "pg/webhooks/deliveries.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/worker.hpp"
#include "pg/webhooks/token_question.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "commands/async.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_webhook_verify);
PG_FUNCTION_INFO_V1(pg_whatsapp_webhook_receive);
PG_FUNCTION_INFO_V1(pg_whatsapp_notify_status);
PG_FUNCTION_INFO_V1(pg_whatsapp_notify_inbound);
}

using namespace whatsapp;

namespace
{

pg::TokenAnswer
answer_token_question(const text *token)
{
	char digest[pg::token_digest_length];
	pg::run_body([&] {
		const std::string hex = sha256_hex(pg::view(token));
		memcpy(digest, hex.data(), sizeof digest);
	});
	return pg::ask_about_token(digest);
}

/* A column of the row that fired the trigger; NULL for NULL. */
const char *
column_text(const TriggerData *data, HeapTuple row, const char *name)
{
	const TupleDesc columns = RelationGetDescr(data->tg_relation);
	const int number = SPI_fnumber(columns, name);
	return number <= 0 ? nullptr : SPI_getvalue(row, columns, number);
}

void
append_member(StringInfo json, const char *name, const char *value, bool quoted)
{
	if (value == nullptr)
		return;
	appendStringInfo(json, "%s\"%s\":", json->len == 0 ? "{" : ",", name);
	if (quoted)
		escape_json(json, value);
	else
		appendStringInfoString(json, value);
}

/* Raises unless the function was called by the trigger that the install script made: AFTER this
 * event, FOR EACH ROW, on this table of ours. Another trigger would have no such row, or be about
 * another table. */
const TriggerData *
own_trigger_data(FunctionCallInfo fcinfo, const char *table, TriggerEvent event)
{
	const auto *data = CALLED_AS_TRIGGER(fcinfo)
	                       ? reinterpret_cast<const TriggerData *>(fcinfo->context)
	                       : nullptr;
	if (data == nullptr || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
	    !TRIGGER_FIRED_AFTER(data->tg_event) || (data->tg_event & TRIGGER_EVENT_OPMASK) != event ||
	    strcmp(RelationGetRelationName(data->tg_relation), table) != 0 ||
	    RelationGetNamespace(data->tg_relation) != get_func_namespace(fcinfo->flinfo->fn_oid))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		     errmsg("%s() was not called by the trigger that the extension made",
		            get_func_name(fcinfo->flinfo->fn_oid)),
		     errhint("It serves table \"%s\" alone. Drop the trigger that calls it from elsewhere.",
		             table)));
	return data;
}

} // namespace

Datum
pg_whatsapp_webhook_verify(PG_FUNCTION_ARGS)
{
	const char *mode = entry::optional_text(fcinfo, 0, "");
	const char *challenge = entry::optional_text(fcinfo, 2, nullptr);
	pg::TokenAnswer answer = pg::TokenAnswer::wrong;
	if (strcmp(mode, "subscribe") == 0 && !PG_ARGISNULL(1) && challenge != nullptr)
		answer = answer_token_question(PG_GETARG_TEXT_PP(1));
	switch (answer) {
	case pg::TokenAnswer::right:
		PG_RETURN_TEXT_P(cstring_to_text(challenge));
	case pg::TokenAnswer::none:
		ereport(ERROR,
		        (errcode(ERRCODE_CANNOT_CONNECT_NOW),
		         errmsg("nobody can verify the webhook token now"),
		         errdetail("The listener of this database does not answer."),
		         errhint("Check that pg_whatsapp is in shared_preload_libraries and this database "
		                 "in whatsapp.databases, and try again.")));
	case pg::TokenAnswer::wrong:
		break;
	}
	ereport(ERROR, (errcode(pg::errcode_of(sqlstate::verification_failed)),
	                errmsg("webhook verification failed"),
	                errdetail("The mode is not \"subscribe\", or the token is no account's.")));
}

Datum
pg_whatsapp_webhook_receive(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "body");
	bytea *body = PG_GETARG_BYTEA_PP(0);
	const char *signature = entry::optional_text(fcinfo, 1, "");
	if (!signature_well_formed(signature))
		ereport(ERROR, (errcode(pg::errcode_of(sqlstate::signature_malformed)),
		                errmsg("webhook signature is missing or malformed"),
		                errhint("Pass the value of the header X-Hub-Signature-256 as it came.")));
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::leave_delivery(body, signature);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Every role may LISTEN to a channel: so neither phone nor reference nor text goes there. */
Datum
pg_whatsapp_notify_status(PG_FUNCTION_ARGS)
{
	const TriggerData *data = own_trigger_data(fcinfo, "whatsapp_messages", TRIGGER_EVENT_UPDATE);
	StringInfoData json;
	initStringInfo(&json);
	append_member(&json, "id", column_text(data, data->tg_newtuple, "id"), false);
	append_member(&json, "status", column_text(data, data->tg_newtuple, "status"), true);
	append_member(&json, "sender", column_text(data, data->tg_newtuple, "sender"), true);
	appendStringInfoChar(&json, '}');
	Async_Notify("whatsapp_status", json.data);
	return PointerGetDatum(nullptr);
}

/* Notifies only when a worker inserts the row: the rows of a dump that is restored are not new. */
Datum
pg_whatsapp_notify_inbound(PG_FUNCTION_ARGS)
{
	const TriggerData *data = own_trigger_data(fcinfo, "whatsapp_inbound", TRIGGER_EVENT_INSERT);
	if (!pg::is_own_worker())
		return PointerGetDatum(nullptr);
	StringInfoData json;
	initStringInfo(&json);
	append_member(&json, "id", column_text(data, data->tg_trigtuple, "id"), false);
	appendStringInfoChar(&json, '}');
	Async_Notify("whatsapp_inbound", json.data);
	return PointerGetDatum(nullptr);
}
