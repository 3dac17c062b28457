/*
 * phone_numbers.cpp — wa_normalize_phone() and wa_phone_info().
 *
 * No sending function calls these: those take full numbers only, and say so when they get another
 * one.
 */
#include "core/value/e164.hpp"
#include "core/value/phone_spelling.hpp"
#include "pg/server/phone_library.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/region.hpp"
#include "entry/call/result_row.hpp"

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
	pg::run_body([&] {
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

const char *
null_for_empty(const char *text)
{
	return text[0] == '\0' ? nullptr : text;
}

} // namespace

Datum
pg_whatsapp_phone_info(PG_FUNCTION_ARGS)
{
	const text *phone = PG_GETARG_TEXT_PP(0);
	const PhoneNumbers &numbers = pg::phone_library();
	PhoneReading reading = {};
	const char *problem = nullptr;
	pg::Failure why;
	/* text that cannot be a number has a row, too, with its problem */
	if (!pg::try_body(why, [&] {
		    numbers.read(spell_phone(pg::view(phone)).c_str(), "", &reading);
		    problem = pg::cstring_out(reading_problem(reading, ""));
	    })) {
		if (why.sqlstate != pg::errcode_of("22023"))
			pg::raise_failure(why);
		problem = why.detail;
		reading.verdict = PhoneVerdict::failed;
	}

	entry::ResultRow<out_columns> row;
	row.set_text(out_e164, null_for_empty(reading.e164));
	row.set_text(out_region, null_for_empty(reading.region));
	if (reading.calling_code != 0)
		row.set_value(out_country_code, Int32GetDatum(reading.calling_code));
	row.set_text(out_type, null_for_empty(reading.type));
	row.set_value(out_possible, BoolGetDatum(reading.possible));
	row.set_value(out_valid, BoolGetDatum(reading.verdict == PhoneVerdict::valid));
	row.set_text(out_national, null_for_empty(reading.national));
	row.set_text(out_international, null_for_empty(reading.international));
	row.set_text(out_problem, null_for_empty(problem));
	PG_RETURN_DATUM(row.form_row(fcinfo));
}
