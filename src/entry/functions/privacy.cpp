/*
 * privacy.cpp — wa_forget(): deletes what is known of one person.
 */
#include "pg/retention/forget.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/person.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_forget);
}

using namespace whatsapp;

Datum
pg_whatsapp_forget(PG_FUNCTION_ARGS)
{
	const char *contact = entry::required_contact(fcinfo, 0);
	InitMaterializedSRF(fcinfo, 0);
	pg::ForgottenRows forgotten[pg::most_forgotten];
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const int count = pg::forget_person(contact, forgotten);
	SPI_finish();
	for (int i = 0; i < count; i++) {
		entry::ResultRow<3> row;
		row.set_text(0, forgotten[i].table);
		row.set_text(1, forgotten[i].what);
		row.set_value(2, Int64GetDatum(forgotten[i].rows));
		row.put_row(entry::result_set(fcinfo));
	}
	return Datum(0);
}
