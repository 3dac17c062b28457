/*
 * phone_numbers.cpp — wa_normalize_phone() and wa_phone_info().
 *
 * Nothing here is on the way of a message: who sends gives a number that is right, and is told when
 * it is not one.
 */
#include "core/value/e164.hpp"
#include "core/value/phone_spelling.hpp"
#include "pg/server/phone_library.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/region.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_normalize_phone);
PG_FUNCTION_INFO_V1(pg_whatsapp_phone_info);
}

using namespace whatsapp;

Datum
pg_whatsapp_normalize_phone(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	const char *phone = entry::required_cstring(fcinfo, 0, limits::phone);
	const char *region = entry::optional_region(fcinfo, 1);
	const PhoneNumbers &numbers = pg::phone_library();
	text *out = nullptr;
	pg::guarded([&] {
		PhoneReading reading;
		numbers.read(spell_phone(phone).c_str(), region, &reading);
		check_reading(reading, phone, region);
		out = pg::text_out(reading.e164);
	});
	PG_RETURN_TEXT_P(out);
}

namespace
{

/* The columns of the result. */
enum : int {
	out_e164,
	out_region,
	out_country_code,
	out_type,
	out_possible,
	out_valid,
	out_national,
	out_international,
	out_problem,
	out_columns
};

struct Row {
	Datum values[out_columns];
	bool nulls[out_columns];
};

void
set_text(Row &row, int column, const char *text)
{
	row.nulls[column] = text[0] == '\0';
	row.values[column] = CStringGetTextDatum(text);
}

} // namespace

Datum
pg_whatsapp_phone_info(PG_FUNCTION_ARGS)
{
	TupleDesc columns;
	if (get_call_result_type(fcinfo, nullptr, &columns) != TYPEFUNC_COMPOSITE ||
	    columns->natts != out_columns)
		elog(ERROR, "return type must be a row type");
	const text *phone = PG_GETARG_TEXT_PP(0);
	const PhoneNumbers &numbers = pg::phone_library();
	PhoneReading reading = {};
	const char *problem = nullptr;
	pg::Failure why;
	/* what cannot be spelled is a row, too */
	if (!pg::attempt(why, [&] {
		    numbers.read(spell_phone(pg::view(phone)).c_str(), "", &reading);
		    problem = pg::cstring_out(reading_problem(reading, ""));
	    })) {
		if (why.sqlstate != pg::errcode_of("22023"))
			pg::raise_failure(why);
		problem = why.detail;
		reading.verdict = PhoneVerdict::failed;
	}

	Row row = {};
	set_text(row, out_e164, reading.e164);
	set_text(row, out_region, reading.region);
	row.nulls[out_country_code] = reading.calling_code == 0;
	row.values[out_country_code] = Int32GetDatum(reading.calling_code);
	set_text(row, out_type, reading.type);
	row.values[out_possible] = BoolGetDatum(reading.possible);
	row.values[out_valid] = BoolGetDatum(reading.verdict == PhoneVerdict::valid);
	set_text(row, out_national, reading.national);
	set_text(row, out_international, reading.international);
	set_text(row, out_problem, problem);
	PG_RETURN_DATUM(
	    HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), row.values, row.nulls)));
}
