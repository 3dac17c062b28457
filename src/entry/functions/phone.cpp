/*
 * phone.cpp — the pure functions: phone numbers, rendering, error codes, version.
 */
#include <string>
#include <string_view>
#include <vector>

#include "core/value/calling_zones.hpp"
#include "core/value/e164.hpp"
#include "core/answer/error_codes.hpp"
#include "core/message/template.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_version);
PG_FUNCTION_INFO_V1(pg_whatsapp_valid_e164);
PG_FUNCTION_INFO_V1(pg_whatsapp_phone_problem);
PG_FUNCTION_INFO_V1(pg_whatsapp_phone_time_zones);
PG_FUNCTION_INFO_V1(pg_whatsapp_render_positional);
PG_FUNCTION_INFO_V1(pg_whatsapp_render_named);
PG_FUNCTION_INFO_V1(pg_whatsapp_error_codes);
PG_FUNCTION_INFO_V1(pg_whatsapp_explain);
}

using namespace whatsapp;

Datum
pg_whatsapp_version(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	PG_RETURN_TEXT_P(cstring_to_text(PG_WHATSAPP_VERSION));
}

Datum
pg_whatsapp_valid_e164(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(valid_e164(pg::view(PG_GETARG_TEXT_PP(0))));
}

Datum
pg_whatsapp_phone_problem(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_TEXT_P(cstring_to_text("The phone number is missing."));
	const text *phone = PG_GETARG_TEXT_PP(0);
	text *out = nullptr;
	pg::run_body([&] {
		const std::string problem = phone_problem(pg::view(phone));
		out = problem.empty() ? nullptr : pg::text_out(problem);
	});
	if (out == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(out);
}

Datum
pg_whatsapp_phone_time_zones(PG_FUNCTION_ARGS)
{
	const char *zones = zones_of_phone(pg::view(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_DATUM(DirectFunctionCall2Coll(text_to_array, C_COLLATION_OID,
	                                        CStringGetTextDatum(zones), CStringGetTextDatum(",")));
}

Datum
pg_whatsapp_render_positional(PG_FUNCTION_ARGS)
{
	const text *body = entry::required_text(fcinfo, 0, "body");
	const entry::TextArray parameters = entry::required_texts(fcinfo, 1);
	text *out = nullptr;
	pg::run_body([&] {
		out = pg::text_out(render_template(pg::view(body), entry::read_strings(parameters)));
	});
	PG_RETURN_TEXT_P(out);
}

Datum
pg_whatsapp_render_named(PG_FUNCTION_ARGS)
{
	const text *body = entry::required_text(fcinfo, 0, "body");
	const entry::NamedTexts parameters = entry::required_named_texts(fcinfo, 1, "parameters");
	text *out = nullptr;
	pg::run_body([&] {
		out = pg::text_out(render_template(pg::view(body), entry::read_named_texts(parameters)));
	});
	PG_RETURN_TEXT_P(out);
}

namespace
{

void
put_explanation(ReturnSetInfo *result, const Explanation &row, int64 code)
{
	entry::ResultRow<4> shown;
	shown.set_value(0, Int64GetDatum(code));
	shown.set_text(1, verdict_name(row.verdict));
	shown.set_text(2, row.meaning);
	shown.set_text(3, row.hint);
	shown.put_row(result);
}

} // namespace

Datum
pg_whatsapp_error_codes(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	std::size_t count;
	const Explanation *rows = error_code_table(count);
	for (std::size_t i = 0; i < count; i++)
		put_explanation(entry::result_set(fcinfo), rows[i], rows[i].code);
	return Datum(0);
}

Datum
pg_whatsapp_explain(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	const int64 code = PG_GETARG_INT64(0);
	const Explanation *row = explain_code(code);
	if (row != nullptr)
		put_explanation(entry::result_set(fcinfo), *row, code);
	return Datum(0);
}
