/*
 * amount.cpp — wa_format_amount() of each type of number.
 *
 * The server casts real to numeric with six digits, and bigint to double precision where it has the
 * choice: so each has a form of its own, and text one for what has no type yet.
 */
#include "core/value/money.hpp"
#include "pg/server/settings.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/decimal.hpp"

extern "C" {
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_format_amount);
PG_FUNCTION_INFO_V1(pg_whatsapp_format_amount_real);
PG_FUNCTION_INFO_V1(pg_whatsapp_format_amount_double);
PG_FUNCTION_INFO_V1(pg_whatsapp_format_amount_bigint);
PG_FUNCTION_INFO_V1(pg_whatsapp_format_amount_text);
}

using namespace whatsapp;

namespace
{

Datum
formatted_amount(FunctionCallInfo fcinfo, Oid type)
{
	entry::require_argument(fcinfo, 0, "amount");
	const char *decimal = entry::decimal_of_number(type, PG_GETARG_DATUM(0));
	const char *currency = entry::optional_text(fcinfo, 1, pg::settings.default_currency);
	const char *locale = entry::optional_text(fcinfo, 2, pg::settings.amount_locale);
	text *out = nullptr;
	pg::run_body([&] { out = pg::text_out(format_amount(decimal, currency, locale)); });
	PG_RETURN_TEXT_P(out);
}

} // namespace

Datum
pg_whatsapp_format_amount(PG_FUNCTION_ARGS)
{
	return formatted_amount(fcinfo, NUMERICOID);
}

Datum
pg_whatsapp_format_amount_real(PG_FUNCTION_ARGS)
{
	return formatted_amount(fcinfo, FLOAT4OID);
}

Datum
pg_whatsapp_format_amount_double(PG_FUNCTION_ARGS)
{
	return formatted_amount(fcinfo, FLOAT8OID);
}

Datum
pg_whatsapp_format_amount_bigint(PG_FUNCTION_ARGS)
{
	return formatted_amount(fcinfo, INT8OID);
}

Datum
pg_whatsapp_format_amount_text(PG_FUNCTION_ARGS)
{
	return formatted_amount(fcinfo, TEXTOID);
}
