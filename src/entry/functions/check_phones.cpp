/*
 * check_phones.cpp — wa_check_phones(): the numbers of a column that cannot be reached.
 *
 * One query over the table, read by a cursor, with the caller's rights and search_path: so the
 * function is no SECURITY DEFINER. Names are quoted, and everything in the query is qualified.
 */
#include "core/base/fault.hpp"
#include "core/value/e164.hpp"
#include "core/value/phone_spelling.hpp"
#include "core/value/recipient.hpp"
#include "core/webhook/inbound.hpp"
#include "pg/server/phone_library.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/region.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_check_phones);
}

using namespace whatsapp;

namespace
{

constexpr long rows_at_once = 1000;

/* The columns of the result. */
enum : int { out_key, out_phone, out_problem, out_suggestion, out_columns };

/* What is wrong with one value, in the server's memory; problem is NULL for one that is right. */
struct PhoneFinding {
	const char *problem;
	const char *suggestion;
};

/* WhatsApp adds a digit to some numbers of Brazil, Mexico and Argentina, or leaves it out: both
 * spellings are the same person. */
bool
same_person(std::string_view one, std::string_view other)
{
	return contact_key(one) == contact_key(other);
}

/* A mobile number of Brazil without its ninth digit: WhatsApp knows it so, and webhooks tell it so.
 */
bool
is_short_brazilian(const PhoneNumbers &numbers, std::string_view phone)
{
	constexpr std::size_t length = sizeof "+551161234567" - 1;
	constexpr std::size_t ninth = sizeof "+5511" - 1;
	if (phone.size() != length || phone.substr(0, 3) != "+55")
		return false;
	std::string whole(phone);
	whole.insert(ninth, "9");
	PhoneReading reading;
	numbers.read(whole.c_str(), "", &reading);
	return reading.verdict == PhoneVerdict::valid;
}

/* Inside run_body() only. */
std::string
find_problem(const PhoneNumbers &numbers, std::string_view phone, const char *region,
             PhoneReading &reading)
{
	reading = {};
	reading.verdict = PhoneVerdict::failed;
	if (looks_like_user_id(phone) && valid_recipient(phone))
		return {};
	std::string problem = phone_problem(phone);
	std::string spelled;
	try {
		spelled = spell_phone(phone);
	} catch (const Fault &) {
		return problem;
	}
	numbers.read(spelled.c_str(), region, &reading);
	if (reading.verdict == PhoneVerdict::valid) {
		if (problem.empty() && !same_person(phone, reading.e164))
			return "The number is written with digits that do not belong to it, such as the 0 that is dialed "
			       "within its country.";
		return problem;
	}
	if (problem.empty())
		return is_short_brazilian(numbers, phone) ? "" : reading_problem(reading, region);
	if (reading.verdict != PhoneVerdict::no_region)
		problem += " " + reading_problem(reading, region);
	return problem;
}

PhoneFinding
judge_phone(const PhoneNumbers &numbers, const char *phone, const char *region)
{
	PhoneFinding found = {};
	pg::run_body([&] {
		PhoneReading reading;
		const std::string problem = find_problem(numbers, phone, region, reading);
		if (problem.empty())
			return;
		found.problem = pg::cstring_out(problem);
		if (reading.verdict == PhoneVerdict::valid)
			found.suggestion = pg::cstring_out(reading.e164);
	});
	return found;
}

/* Raises for a region that does not exist. Reading the rows would not find it in an empty table. */
void
require_region(const PhoneNumbers &numbers, const char *region)
{
	pg::run_body([&] {
		PhoneReading reading;
		numbers.read("+", region, &reading);
		if (reading.verdict == PhoneVerdict::unknown_region)
			check_reading(reading, "", region);
	});
}

void
require_column(Oid table, const char *column)
{
	const char kind = get_rel_relkind(table);
	if (kind == '\0')
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("relation with OID %u does not exist", table)));
	if (strchr("rpvmf", kind) == nullptr)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
		                errmsg("\"%s\" is not a table or a view", get_rel_name(table))));
	if (get_attnum(table, column) <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of relation \"%s\" does not exist", column,
		                       get_rel_name(table))));
}

/* A jsonb that finds the row again: its primary key, else its place; NULL where there is neither.
 */
void
append_key(StringInfo query, Oid table)
{
	Oid constraint;
	const Bitmapset *key = get_primary_key_attnos(table, true, &constraint);
	const char kind = get_rel_relkind(table);
	if (key == nullptr && (kind == RELKIND_VIEW || kind == RELKIND_FOREIGN_TABLE)) {
		appendStringInfoString(query, "NULL::pg_catalog.jsonb");
		return;
	}
	appendStringInfoString(query, "pg_catalog.jsonb_build_object(");
	if (key == nullptr)
		appendStringInfoString(query,
		                       "'table', t.tableoid::pg_catalog.regclass::pg_catalog.text, 'ctid', "
		                       "t.ctid::pg_catalog.text");
	int member = -1;
	for (const char *comma = ""; (member = bms_next_member(key, member)) >= 0; comma = ", ") {
		const auto number = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
		const char *name = get_attname(table, number, false);
		appendStringInfo(query, "%s%s, t.%s", comma, quote_literal_cstr(name),
		                 quote_identifier(name));
	}
	appendStringInfoChar(query, ')');
}

const char *
make_query(Oid table, const char *column)
{
	StringInfoData query;
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	append_key(&query, table);
	const char *quoted = quote_identifier(column);
	appendStringInfo(
	    &query, ", t.%s::pg_catalog.text FROM %s AS t WHERE (t.%s::pg_catalog.text) IS NOT NULL",
	    quoted,
	    quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
	                               get_rel_name(table)),
	    quoted);
	return query.data;
}

} // namespace

Datum
pg_whatsapp_check_phones(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "table_name");
	entry::require_argument(fcinfo, 1, "column_name");
	const Oid table = PG_GETARG_OID(0);
	const char *column = NameStr(*PG_GETARG_NAME(1));
	const char *region = entry::optional_region(fcinfo, 2);
	require_column(table, column);
	const PhoneNumbers &numbers = pg::phone_library();
	require_region(numbers, region);
	InitMaterializedSRF(fcinfo, 0);

	const char *query = make_query(table, column);
	SPI_connect();
	SPIPlanPtr plan = SPI_prepare(query, 0, nullptr);
	if (plan == nullptr)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	Portal cursor = SPI_cursor_open(nullptr, plan, nullptr, nullptr, true);
	MemoryContext memory =
	    AllocSetContextCreate(CurrentMemoryContext, "phones", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(memory);
	for (bool more = true; more; MemoryContextReset(memory)) {
		const pg::Result rows = pg::fetch_rows(cursor, rows_at_once);
		for (uint64 i = 0; i < rows.count(); i++) {
			const char *phone = rows.text_at(i, 2);
			const PhoneFinding found = judge_phone(numbers, phone, region);
			CHECK_FOR_INTERRUPTS();
			if (found.problem == nullptr)
				continue;
			entry::ResultRow<out_columns> row;
			if (!rows.is_null(i, 1))
				row.set_value(out_key, rows.datum_at(i, 1, JSONBOID));
			row.set_text(out_phone, phone);
			row.set_text(out_problem, found.problem);
			row.set_text(out_suggestion, found.suggestion);
			row.put_row(entry::result_set(fcinfo));
		}
		more = rows.count() == static_cast<uint64>(rows_at_once);
		pg::free_rows(rows);
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(memory);
	SPI_cursor_close(cursor);
	SPI_finish();
	return Datum(0);
}
