/*
 * privacy.cpp — what is known of one person goes.
 */
#include "pg/retention/forget.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/person.hpp"

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
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	pg::ForgottenRows forgotten[pg::most_forgotten];
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const int count = pg::forget_person(contact, forgotten);
	SPI_finish();
	for (int i = 0; i < count; i++) {
		Datum values[3] = {CStringGetTextDatum(forgotten[i].table),
		                   CStringGetTextDatum(forgotten[i].what),
		                   Int64GetDatum(forgotten[i].rows)};
		bool nulls[3] = {};
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return Datum(0);
}
