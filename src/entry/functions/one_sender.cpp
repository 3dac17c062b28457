/*
 * one_sender.cpp — SQL functions whose answer is about one sender. The caller's right is checked
 * here first: within a SECURITY DEFINER function, SQL cannot find out who called it.
 */
#include "pg/enqueue/messages.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/result_row.hpp"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_window_open);
PG_FUNCTION_INFO_V1(pg_whatsapp_price);
PG_FUNCTION_INFO_V1(pg_whatsapp_estimate);
PG_FUNCTION_INFO_V1(pg_whatsapp_diagnose_message);
}

using namespace whatsapp;

namespace
{

pg::Values
values_of(FunctionCallInfo fcinfo)
{
	pg::Values values;
	for (int i = 0; i < PG_NARGS(); i++)
		if (!PG_ARGISNULL(i))
			values.set(i, PG_GETARG_DATUM(i));
	return values;
}

/* NULL stands for whatsapp.default_sender, and an empty setting for the sender "default". The
 * length is not checked: a name that is too long is no error, it only belongs to no sender. */
const char *
sender_argument(FunctionCallInfo fcinfo, int index)
{
	if (!PG_ARGISNULL(index))
		return text_to_cstring(PG_GETARG_TEXT_PP(index));
	const char *of_session = pg::settings.default_sender;
	return of_session[0] == '\0' ? pg::default_sender : of_session;
}

/* Between SPI_connect() and SPI_finish(). */
pg::Result
run_sender_statement(FunctionCallInfo fcinfo, pg::Statement &statement, const pg::Values &values,
                     unsigned levels, const char *sender)
{
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_sender_right(pg::caller_of_function(), levels, sender);
	return pg::run_statement(statement, values);
}

void
put_rows(FunctionCallInfo fcinfo, const pg::Result &rows)
{
	ReturnSetInfo *result = entry::result_set(fcinfo);
	for (uint64 i = 0; i < rows.count(); i++)
		tuplestore_puttuple(result->setResult, rows.row_at(i));
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_window_open)
{
	static pg::Statement statement = {
	    "SELECT EXISTS (SELECT FROM @s@.whatsapp_windows AS w WHERE w.contact = @s@.wa_contact_key($1)"
	    " AND w.sender = $2 AND w.last_inbound_at > now() - interval '24 hours')",
	    2,
	    {TEXTOID, TEXTOID},
	    true};
	const char *sender = sender_argument(fcinfo, 1);
	pg::Values values;
	if (!PG_ARGISNULL(0))
		values.set(0, PG_GETARG_DATUM(0));
	values.set_text(1, sender);
	SPI_connect();
	const bool open =
	    run_sender_statement(fcinfo, statement, values, pg::may_ask, sender).bool_at(0, 1);
	SPI_finish();
	PG_RETURN_BOOL(open);
}

OWNED_FUNCTION(pg_whatsapp_price)
{
	static pg::Statement statement = {"SELECT * FROM @s@.whatsapp_price_of($1, $2, $3, $4)",
	                                  4,
	                                  {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID},
	                                  true};
	const char *sender = sender_argument(fcinfo, 3);
	const pg::Values values = values_of(fcinfo);
	SPI_connect();
	const pg::Result price = run_sender_statement(fcinfo, statement, values, pg::may_read, sender);
	HeapTupleHeader row = SPI_returntuple(price.row_at(0), price.columns());
	SPI_finish();
	PG_RETURN_HEAPTUPLEHEADER(row);
}

OWNED_FUNCTION(pg_whatsapp_estimate)
{
	static pg::Statement statement = {"SELECT * FROM @s@.whatsapp_estimate_of($1, $2, $3, $4, $5)",
	                                  5,
	                                  {TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, BOOLOID},
	                                  true};
	InitMaterializedSRF(fcinfo, 0);
	const char *sender = sender_argument(fcinfo, 3);
	const pg::Values values = values_of(fcinfo);
	SPI_connect();
	put_rows(fcinfo, run_sender_statement(fcinfo, statement, values, pg::may_read, sender));
	SPI_finish();
	return Datum(0);
}

OWNED_FUNCTION(pg_whatsapp_diagnose_message)
{
	static pg::Statement life = {
	    "SELECT at, event, detail FROM @s@.whatsapp_message_life($1)", 1, {INT8OID}};
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	if (!PG_ARGISNULL(0))
		pg::require_message_right(pg::caller_of_function(), pg::may_read, PG_GETARG_INT64(0));
	put_rows(fcinfo, pg::run_statement(life, values_of(fcinfo)));
	SPI_finish();
	return Datum(0);
}
