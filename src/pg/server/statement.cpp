/*
 * statement.cpp — plans are kept for the life of the process; the server replans them by itself
 * when tables change.
 */
#include "pg/server/statement.hpp"

#include "core/base/redact.hpp"

#include "pg/server/schema.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

void
prepare(Statement &statement)
{
	if (statement.plan != nullptr)
		SPI_freeplan(statement.plan);
	statement.plan = nullptr;

	StringInfoData text;
	initStringInfo(&text);
	for (const char *at = statement.text; *at != '\0'; at++) {
		if (strncmp(at, "@s@", 3) == 0) {
			appendStringInfoString(&text, schema_name());
			at += 2;
		} else {
			appendStringInfoChar(&text, *at);
		}
	}
	SPIPlanPtr plan = SPI_prepare(text.data, statement.parameters, statement.types);
	if (plan == nullptr || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	statement.plan = plan;
	statement.generation = schema_generation();
	pfree(text.data);
}

} // namespace

void
Values::set_text(int place, const char *string)
{
	if (string != nullptr)
		set(place, CStringGetTextDatum(string));
}

text *
indexable(const char *identifier)
{
	constexpr std::size_t max_bytes = 1000;
	const std::string_view part = clip(identifier, max_bytes);
	return cstring_to_text_with_len(part.data(), static_cast<int>(part.size()));
}

void
Values::set_identifier(int place, const char *string)
{
	if (string != nullptr && *string != '\0')
		set(place, PointerGetDatum(indexable(string)));
}

uint64
run(Statement &statement, const Values &values)
{
	if (statement.plan == nullptr || statement.generation != schema_generation())
		prepare(statement);
	const int result =
	    SPI_execute_plan(statement.plan, const_cast<Datum *>(values.value), values.null, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

Datum
column(uint64 row, int number, bool &null)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &null);
}

int64
int64_column(uint64 row, int number)
{
	bool null;
	const Datum value = column(row, number, null);
	return null ? 0 : DatumGetInt64(value);
}

char *
text_column(uint64 row, int number)
{
	bool null;
	const Datum value = column(row, number, null);
	return null ? nullptr : TextDatumGetCString(value);
}

} // namespace whatsapp::pg
