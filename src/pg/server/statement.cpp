/*
 * statement.cpp — plans are kept for the life of the process; the server replans them by itself
 * when tables change.
 */
#include "pg/server/statement.hpp"

#include "core/base/redact.hpp"

#include "pg/server/schema.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

int plan_options = 0;

void
prepare_statement(Statement &statement)
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
		} else if (strncmp(at, "@t@", 3) == 0) {
			appendStringInfoString(&text, quote_literal_cstr(schema_name()));
			at += 2;
		} else {
			appendStringInfoChar(&text, *at);
		}
	}
	SPIPlanPtr plan =
	    SPI_prepare_cursor(text.data, statement.parameters, statement.types,
	                       plan_options | (statement.generic ? CURSOR_OPT_GENERIC_PLAN : 0));
	if (plan == nullptr || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	statement.plan = plan;
	statement.generation = schema_generation();
	pfree(text.data);
}

constexpr char own_search_path[] = "pg_catalog, pg_temp";

bool has_callers_path = false;

/* The settings during one statement of ours; an error ends them as well. */
class StatementSettings
{
public:
	explicit StatementSettings(const Statement &statement)
	{
		if (has_callers_path && strcmp(namespace_search_path, own_search_path) != 0)
			set_setting("search_path", own_search_path);
		if (statement.generic)
			hide_parameters();
	}
	void
	end()
	{
		if (level_ != 0)
			AtEOXact_GUC(true, level_);
	}

private:
	/* since 16 auto_explain logs parameters, too, unless it is told not to; in workers it is 0 for
	 * good */
	void
	hide_parameters()
	{
		constexpr const char *setting = "auto_explain.log_parameter_max_length";
		const char *length = GetConfigOption(setting, true, false);
		if (length != nullptr && strcmp(length, "0") != 0)
			set_setting(setting, "0");
	}
	void
	set_setting(const char *name, const char *value)
	{
		if (level_ == 0)
			level_ = NewGUCNestLevel();
		(void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
		                        false);
	}

	int level_ = 0;
};

} // namespace

void
Values::set_text(int place, const char *string)
{
	if (string != nullptr)
		set(place, CStringGetTextDatum(string));
}

text *
indexable_identifier(std::string_view identifier)
{
	constexpr std::size_t max_bytes = 1000;
	const std::string_view part = clip_text(identifier, max_bytes);
	return cstring_to_text_with_len(part.data(), static_cast<int>(part.size()));
}

void
Values::set_identifier(int place, const char *string)
{
	if (string != nullptr)
		set_identifier(place, std::string_view(string));
}

void
Values::set_identifier(int place, std::string_view string)
{
	if (!string.empty())
		set(place, PointerGetDatum(indexable_identifier(string)));
}

Result
run_statement(Statement &statement, const Values &values)
{
	StatementSettings around(statement);
	if (statement.plan == nullptr || statement.generation != schema_generation())
		prepare_statement(statement);
	const int code =
	    SPI_execute_plan(statement.plan, const_cast<Datum *>(values.value), values.null, false, 0);
	around.end();
	if (code < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(code));
	/* A rule has turned it into nothing, or into something else. The plan may then know no table,
	 * so nobody would tell it when the rule is gone: next time it is made anew. */
	if (code == 0 || code == SPI_OK_REWRITTEN)
		statement.generation = schema_generation() - 1;
	Result result;
	result.table_ = SPI_tuptable;
	result.count_ = SPI_processed;
	return result;
}

Result
fetch_rows(Portal cursor, long count)
{
	SPI_cursor_fetch(cursor, true, count);
	Result result;
	result.table_ = SPI_tuptable;
	result.count_ = SPI_processed;
	return result;
}

void
free_rows(const Result &rows)
{
	SPI_freetuptable(rows.table_);
}

HeapTuple
Result::row_at(uint64 row) const
{
	if (table_ == nullptr || row >= table_->numvals)
		elog(ERROR, "a statement returned too few rows");
	return table_->vals[row];
}

TupleDesc
Result::columns() const
{
	return table_->tupdesc;
}

bool
expect_callers_path(bool expected)
{
	const bool before = has_callers_path;
	has_callers_path = expected;
	return before;
}

void
keep_generic_plans()
{
	plan_options = CURSOR_OPT_GENERIC_PLAN;
}

Datum
Result::value_at(uint64 row, int column, bool &null) const
{
	if (table_ == nullptr || row >= count_ || row >= table_->numvals)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("a statement of pg_whatsapp returned too few rows"),
		                errdetail("It returned " UINT64_FORMAT ", and row " UINT64_FORMAT
		                          " was asked for.",
		                          count_, row + 1),
		                errhint("Check the triggers, rules and policies on the tables of the "
		                        "extension: one of them may leave rows out.")));
	if (column < 1 || column > table_->tupdesc->natts)
		elog(ERROR, "a statement of pg_whatsapp has no column %d", column);
	return SPI_getbinval(table_->vals[row], table_->tupdesc, column, &null);
}

Oid
Result::type_of(int column) const
{
	const Oid type = TupleDescAttr(table_->tupdesc, column - 1)->atttypid;
	/* a domain has the values of its base type; to find that takes a look into the catalog, which
	 * our own types do not need */
	return type < FirstNormalObjectId ? type : getBaseType(type);
}

namespace
{

[[noreturn]] void
raise_wrong_type(const SPITupleTable *table, int column, Oid found, const char *wanted)
{
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
	                errmsg("column \"%s\" of a table of pg_whatsapp has type %s",
	                       NameStr(TupleDescAttr(table->tupdesc, column - 1)->attname),
	                       format_type_be(found)),
	                errdetail("The extension made it with type %s.", wanted),
	                errhint("Change the type of the column back.")));
	pg_unreachable();
}

} // namespace

bool
Result::is_null(uint64 row, int column) const
{
	bool null;
	(void)value_at(row, column, null);
	return null;
}

Datum
Result::datum_at(uint64 row, int column, Oid type) const
{
	bool null;
	const Datum value = value_at(row, column, null);
	if (type_of(column) != type)
		raise_wrong_type(table_, column, type_of(column), format_type_be(type));
	return null ? Datum(0) : value;
}

std::int64_t
Result::int64_at(uint64 row, int column) const
{
	bool null;
	const Datum value = value_at(row, column, null);
	const Oid type = type_of(column);
	switch (type) {
	case INT8OID:
	case TIMESTAMPTZOID:
		return null ? 0 : DatumGetInt64(value);
	case INT4OID:
		return null ? 0 : DatumGetInt32(value);
	case INT2OID:
		return null ? 0 : DatumGetInt16(value);
	default:
		raise_wrong_type(table_, column, type, "bigint");
	}
}

std::int32_t
Result::int32_at(uint64 row, int column) const
{
	const std::int64_t value = int64_at(row, column);
	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		ereport(ERROR,
		        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("integer out of range")));
	return static_cast<std::int32_t>(value);
}

bool
Result::bool_at(uint64 row, int column) const
{
	return DatumGetBool(datum_at(row, column, BOOLOID));
}

std::size_t
Result::size_at(uint64 row, int column) const
{
	bool null;
	const Datum value = value_at(row, column, null);
	if (null || TupleDescAttr(table_->tupdesc, column - 1)->attlen != -1)
		return 0;
	return toast_raw_datum_size(value) - VARHDRSZ;
}

char *
Result::text_at(uint64 row, int column) const
{
	bool null;
	const Datum value = value_at(row, column, null);
	if (null)
		return nullptr;
	const Oid type = type_of(column);
	if (type == TEXTOID || type == VARCHAROID || type == JSONOID)
		return TextDatumGetCString(value);
	Oid output;
	bool varlena;
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

} // namespace whatsapp::pg
