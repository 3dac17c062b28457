/*
 * senders.cpp — the row of the sender "default".
 *
 * The install script makes it, so that an UPDATE finds it. A dump has it, too, and so have scripts
 * that insert it: then the new row takes the place of one that nobody has changed.
 */
#include "pg/identity/senders.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_replace_default_sender);
}

using namespace whatsapp;

Datum
pg_whatsapp_replace_default_sender(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("whatsapp_replace_default_sender() must be called as a trigger")));
	const auto *call = reinterpret_cast<const TriggerData *>(fcinfo->context);
	if (!TRIGGER_FIRED_BEFORE(call->tg_event) || !TRIGGER_FIRED_FOR_ROW(call->tg_event) ||
	    !TRIGGER_FIRED_BY_INSERT(call->tg_event))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("trigger \"%s\" was not made by the extension", call->tg_trigger->tgname)));
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::drop_unchanged_default_sender();
	SPI_finish();
	return PointerGetDatum(call->tg_trigtuple);
}
