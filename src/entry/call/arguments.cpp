/*
 * arguments.cpp — see arguments.hpp.
 */
#include "entry/call/arguments.hpp"

extern "C" {
#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

[[noreturn]] void
raise_null(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
	pg_unreachable();
}

} // namespace

void
require_argument(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (PG_ARGISNULL(index))
		raise_null(name);
}

void
check_size(FunctionCallInfo fcinfo, int index, const TextLimit &limit)
{
	const Size size = toast_raw_datum_size(PG_GETARG_DATUM(index)) - VARHDRSZ;
	if (size > limit.bytes)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
		                errmsg("value of \"%s\" is too long", limit.field),
		                errdetail("\"%s\" has %zu bytes, and at most %zu are possible.",
		                          limit.field, static_cast<std::size_t>(size), limit.bytes)));
}

const text *
required_text(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	check_size(fcinfo, index, {name, max_text_argument_bytes});
	return PG_GETARG_TEXT_PP(index);
}

const char *
required_cstring(FunctionCallInfo fcinfo, int index, const char *name)
{
	return text_to_cstring(required_text(fcinfo, index, name));
}

const char *
required_cstring(FunctionCallInfo fcinfo, int index, const TextLimit &limit)
{
	require_argument(fcinfo, index, limit.field);
	return optional_text(fcinfo, index, limit, nullptr);
}

const char *
optional_text(FunctionCallInfo fcinfo, int index, const TextLimit &limit, const char *otherwise)
{
	if (PG_ARGISNULL(index))
		return otherwise;
	check_size(fcinfo, index, limit);
	return text_to_cstring(PG_GETARG_TEXT_PP(index));
}

const char *
optional_text(FunctionCallInfo fcinfo, int index, const char *otherwise)
{
	if (PG_ARGISNULL(index))
		return otherwise;
	return optional_text(fcinfo, index,
	                     {psprintf("argument %d", index + 1), max_text_argument_bytes}, otherwise);
}

const char *
optional_json(FunctionCallInfo fcinfo, int index, const char *otherwise)
{
	if (PG_ARGISNULL(index))
		return otherwise;
	check_size(fcinfo, index, {psprintf("argument %d", index + 1), max_array_argument_bytes});
	Jsonb *value = PG_GETARG_JSONB_P(index);
	return JsonbToCString(nullptr, &value->root, VARSIZE(value));
}

const char *
required_json(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return optional_json(fcinfo, index, nullptr);
}

std::int64_t
interval_argument_ms(FunctionCallInfo fcinfo, int index)
{
	constexpr std::int64_t most = INT64CONST(86400000);
	const Interval *interval = PG_GETARG_INTERVAL_P(index);
	if (interval->month > 0 || interval->day > 0)
		return most;
	return Min(Max(interval->time / 1000, 0), most);
}

std::int64_t
time_argument(FunctionCallInfo fcinfo, int index, const char *name)
{
	constexpr TimestampTz end_of_time =
	    INT64CONST(252455616000) * USECS_PER_SEC; /* since 2000-01-01, UTC */
	const TimestampTz time = PG_GETARG_TIMESTAMPTZ(index);
	if (TIMESTAMP_NOT_FINITE(time) || time >= end_of_time)
		ereport(ERROR,
		        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("%s is out of range", name),
		         errdetail("It must be finite, and before the year 10000.")));
	return time;
}

const char *
required_numeric(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return DatumGetCString(DirectFunctionCall1(numeric_out, PG_GETARG_DATUM(index)));
}

TextArray
required_texts(FunctionCallInfo fcinfo, int index)
{
	require_argument(fcinfo, index, "parameters");
	check_size(fcinfo, index, {"parameters", max_array_argument_bytes});
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(index);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
		                errmsg("parameters must be a one-dimensional array")));
	Datum *values;
	bool *nulls;
	TextArray texts;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &texts.count);
	texts.values = static_cast<const text **>(palloc(sizeof(text *) * (texts.count + 1)));
	for (int i = 0; i < texts.count; i++) {
		if (nulls[i])
			raise_null(psprintf("parameter %d", i + 1));
		texts.values[i] = DatumGetTextPP(values[i]);
	}
	return texts;
}

NamedTexts
optional_named_texts(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (PG_ARGISNULL(index))
		return {nullptr, 0};
	check_size(fcinfo, index, {name, max_array_argument_bytes});
	Jsonb *object = PG_GETARG_JSONB_P(index);
	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be a JSON object", name),
		         errhint("For positional placeholders give an array of text.")));
	auto *members =
	    static_cast<NamedText *>(palloc(sizeof(NamedText) * (JB_ROOT_COUNT(object) + 1)));
	int count = 0;
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbValue value;
	JsonbIteratorToken token;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
		if (token == WJB_KEY)
			members[count].name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (value.type == jbvString)
			members[count++].text = pnstrdup(value.val.string.val, value.val.string.len);
		else if (value.type == jbvNumeric)
			members[count++].text = DatumGetCString(
			    DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		else
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("parameter \"%s\" is neither a string nor a number",
			                       members[count].name)));
	}
	return {members, count};
}

NamedTexts
required_named_texts(FunctionCallInfo fcinfo, int index, const char *name)
{
	require_argument(fcinfo, index, name);
	return optional_named_texts(fcinfo, index, name);
}

std::vector<NamedParameter>
read_named_texts(const NamedTexts &texts)
{
	std::vector<NamedParameter> named;
	named.reserve(texts.count);
	for (int i = 0; i < texts.count; i++)
		named.push_back({texts.values[i].name, texts.values[i].text});
	return named;
}

std::vector<std::string>
read_strings(const TextArray &texts)
{
	std::vector<std::string> out;
	out.reserve(texts.count);
	for (int i = 0; i < texts.count; i++)
		out.emplace_back(pg::view(texts.values[i]));
	return out;
}

} // namespace whatsapp::entry
