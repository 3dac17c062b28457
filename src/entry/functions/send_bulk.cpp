/*
 * send_bulk.cpp — wa_send_bulk(): recipients by a query of the caller's, or by arrays.
 *
 * The query runs with the caller's rights and search_path: so the function is not SECURITY DEFINER.
 * The rows are written by another one that is, whatsapp_bulk_step(). It takes a pointer (type
 * internal), so SQL cannot call it. For each call of it the server switches to the owner's rights,
 * and back.
 */
#include <cmath>

#include "core/message/limits.hpp"
#include "pg/campaigns/bulk.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pgtime.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_bulk_step);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_bulk_query);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_bulk_array);
}

using namespace whatsapp;

Datum
pg_whatsapp_bulk_step(PG_FUNCTION_ARGS)
{
	auto *order = reinterpret_cast<pg::BulkOrder *>(PG_GETARG_POINTER(0));
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::take_bulk_step(*order);
	PG_RETURN_VOID();
}

namespace
{

constexpr int recipients_at_once = 1000;
constexpr int most_parameters = 200;

/* The columns of the result. */
enum : int {
	out_campaign,
	out_recipients,
	out_queued,
	out_duplicates,
	out_bad_phones,
	out_opted_out,
	out_refused,
	out_closed_windows,
	out_problems,
	out_cost,
	out_messaging_limit,
	out_duration,
	out_columns
};

struct Bulk {
	pg::BulkOrder order;
	Oid step_function;
};

void
take_step(Bulk &bulk, pg::BulkStep step)
{
	bulk.order.step = step;
	(void)OidFunctionCall1(bulk.step_function, PointerGetDatum(&bulk.order));
}

Oid
find_step_function(FunctionCallInfo fcinfo)
{
	const Oid arguments[] = {INTERNALOID};
	const char *schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	return LookupFuncName(
	    list_make2(makeString(pstrdup(schema)), makeString(pstrdup("whatsapp_bulk_step"))), 1,
	    arguments, false);
}

void
read_time(FunctionCallInfo fcinfo, int index, const char *name, bool &given, std::int64_t &time)
{
	given = !PG_ARGISNULL(index);
	if (given)
		time = entry::time_argument(fcinfo, index, name);
}

bool
is_true(FunctionCallInfo fcinfo, int index)
{
	return !PG_ARGISNULL(index) && PG_GETARG_BOOL(index);
}

/* From `language` on, the two functions have the same arguments. */
void
read_order(FunctionCallInfo fcinfo, int index, Bulk &bulk)
{
	pg::BulkOrder &order = bulk.order;
	order.memory = CurrentMemoryContext;
	order.message.template_name = entry::optional_text(fcinfo, 1, nullptr);
	order.message.template_language =
	    entry::optional_text(fcinfo, index, pg::settings.default_language);
	order.message.sender = entry::optional_text(fcinfo, index + 1, limits::sender, nullptr);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_sender_right(GetUserId(), pg::may_send_for,
	                         order.message.sender == nullptr ? pg::settings.default_sender
	                                                         : order.message.sender);
	order.name = entry::optional_text(fcinfo, index + 2, {"name", 255}, nullptr);
	read_time(fcinfo, index + 3, "send_at", order.message.has_send_at, order.message.send_at);
	order.send_window = entry::optional_text(fcinfo, index + 4, nullptr);
	if (order.send_window != nullptr)
		order.time_zone =
		    entry::optional_text(fcinfo, index + 5, pg_get_timezone_name(session_timezone));
	read_time(fcinfo, index + 6, "expires_at", order.message.has_expires_at,
	          order.message.expires_at);
	order.body = entry::optional_text(fcinfo, index + 7, nullptr);
	order.message.message_type = order.body == nullptr ? "template" : "text";
	order.message.priority = 2;
	if ((order.body == nullptr) == (order.message.template_name == nullptr))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("either a template or a body must be given")));
	if (order.body != nullptr)
		order.message.template_language = nullptr;
	bulk.step_function = find_step_function(fcinfo);
}

Datum
result_of(FunctionCallInfo fcinfo, const pg::BulkOrder &order)
{
	entry::ResultRow<out_columns> row;
	if (order.message.campaign_id != 0)
		row.set_value(out_campaign, Int64GetDatum(order.message.campaign_id));
	row.set_value(out_recipients, Int64GetDatum(order.read));
	row.set_value(out_queued, Int64GetDatum(order.queued));
	row.set_value(out_duplicates, Int64GetDatum(order.duplicates));
	row.set_value(out_bad_phones, Int64GetDatum(order.bad_phones));
	row.set_value(out_opted_out, Int64GetDatum(order.opted_out));
	row.set_value(out_refused, Int64GetDatum(order.refused));
	row.set_value(out_closed_windows, Int64GetDatum(order.closed_windows));
	if (order.problems != 0)
		row.set_value(out_problems, order.problems);
	if (order.cost != 0)
		row.set_value(out_cost, order.cost);
	row.set_text(out_messaging_limit, order.messaging_limit);
	if (order.seconds >= 0) {
		auto *duration = static_cast<Interval *>(palloc0(sizeof(Interval)));
		duration->time = static_cast<TimeOffset>(std::ceil(order.seconds)) * USECS_PER_SEC;
		row.set_value(out_duration, IntervalPGetDatum(duration));
	}
	return row.form_row(fcinfo);
}

/* The columns of a query: which is the phone, and the others in their order. */
struct QueryColumns {
	int phone;
	int count;
	int number[most_parameters];
	const char *name[most_parameters];
};

void
read_columns(TupleDesc row, QueryColumns &columns)
{
	columns.count = 0;
	if (row->natts == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_SYNTAX_ERROR), errmsg("query of the recipients has no column"),
		         errhint("The first column, or the one called phone, is the recipient.")));
	columns.phone = SPI_fnumber(row, "phone");
	if (columns.phone <= 0)
		columns.phone = 1;
	if (row->natts > most_parameters)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
		                errmsg("query has %d columns, at most %d are possible", row->natts,
		                       most_parameters)));
	for (int i = 1; i <= row->natts; i++)
		if (i != columns.phone) {
			columns.number[columns.count] = i;
			columns.name[columns.count++] = SPI_fname(row, i);
		}
}

/* The server would refuse the same, and not say what to do. It lets no command through but a SELECT
 * that locks nothing. */
void
require_reading(SPIPlanPtr plan)
{
	CachedPlan *planned = SPI_plan_get_cached_plan(plan);
	if (planned == nullptr)
		return;
	auto *statement = static_cast<PlannedStmt *>(linitial(planned->stmt_list));
	const bool reads = CommandIsReadOnly(statement);
	const char *command = GetCommandTagName(CreateCommandTag(reinterpret_cast<Node *>(statement)));
	const bool writes_in_with = statement->hasModifyingCTE;
	ReleaseCachedPlan(planned, nullptr);
	if (!reads)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		     errmsg("query of the recipients must be a SELECT that only reads"),
		     writes_in_with ? errdetail("It has a WITH that changes a table.")
		                    : errdetail("The command is %s.", command),
		     errhint(
		         "Give a plain SELECT, without FOR UPDATE. Change or lock rows in a statement of your own, in the same transaction.")));
}

Portal
open_query(const char *query)
{
	SPIPlanPtr plan = SPI_prepare(query, 0, nullptr);
	if (plan == nullptr)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	if (!SPI_is_cursor_plan(plan))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
		                errmsg("recipients must be given by one query that returns rows"),
		                errhint("The first column, or the one called phone, is the recipient.")));
	require_reading(plan);
	/* read_only: the query sees what was there when the function was called */
	return SPI_cursor_open(nullptr, plan, nullptr, nullptr, true);
}

/* False when there are no more. The texts of the recipients live until the next call. */
bool
add_rows_of_query(Bulk &bulk, Portal cursor, const QueryColumns &columns,
                  pg::BulkRecipient *recipients)
{
	const pg::Result rows = pg::fetch_rows(cursor, recipients_at_once);
	for (uint64 i = 0; i < rows.count(); i++) {
		auto **parameters = static_cast<const char **>(
		    palloc(sizeof(char *) * static_cast<Size>(columns.count + 1)));
		for (int j = 0; j < columns.count; j++)
			parameters[j] = rows.text_at(i, columns.number[j]);
		recipients[i] = {rows.text_at(i, columns.phone), parameters};
	}
	bulk.order.recipients = recipients;
	bulk.order.count = static_cast<int>(rows.count());
	if (bulk.order.count > 0)
		take_step(bulk, pg::BulkStep::add);
	pg::free_rows(rows);
	CHECK_FOR_INTERRUPTS();
	return bulk.order.count == recipients_at_once;
}

struct PhoneArrays {
	Datum *phones;
	bool *no_phone;
	int count;
	Datum *parameters;
	bool *no_parameter;
	int columns;
	bool same_for_all;
};

PhoneArrays
read_arrays(FunctionCallInfo fcinfo)
{
	PhoneArrays arrays = {};
	entry::require_argument(fcinfo, 0, "phones");
	ArrayType *phones = PG_GETARG_ARRAYTYPE_P(0);
	if (ARR_NDIM(phones) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
		                errmsg("phones must be a one-dimensional array")));
	deconstruct_array(phones, TEXTOID, -1, false, TYPALIGN_INT, &arrays.phones, &arrays.no_phone,
	                  &arrays.count);
	entry::require_argument(fcinfo, 2, "parameters");
	ArrayType *parameters = PG_GETARG_ARRAYTYPE_P(2);
	const int dimensions = ARR_NDIM(parameters);
	if (dimensions > 2 || (dimensions == 2 && ARR_DIMS(parameters)[0] != arrays.count))
		ereport(ERROR,
		        (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("parameters do not fit the phones"),
		         errdetail("There are %d phones.", arrays.count),
		         errhint("Give one array for all of them, or a two-dimensional one with a "
		                 "row for each.")));
	int count;
	deconstruct_array(parameters, TEXTOID, -1, false, TYPALIGN_INT, &arrays.parameters,
	                  &arrays.no_parameter, &count);
	arrays.same_for_all = dimensions < 2;
	arrays.columns = arrays.same_for_all ? count : ARR_DIMS(parameters)[1];
	return arrays;
}

const char *
text_or_null(Datum value, bool null)
{
	return null ? nullptr : TextDatumGetCString(value);
}

void
add_rows_of_arrays(Bulk &bulk, const PhoneArrays &arrays, int from, pg::BulkRecipient *recipients)
{
	const int count = Min(arrays.count - from, recipients_at_once);
	for (int i = 0; i < count; i++) {
		auto **parameters = static_cast<const char **>(
		    palloc(sizeof(char *) * static_cast<Size>(arrays.columns + 1)));
		const int first = arrays.same_for_all ? 0 : (from + i) * arrays.columns;
		for (int j = 0; j < arrays.columns; j++)
			parameters[j] =
			    text_or_null(arrays.parameters[first + j], arrays.no_parameter[first + j]);
		recipients[i] = {text_or_null(arrays.phones[from + i], arrays.no_phone[from + i]),
		                 parameters};
	}
	bulk.order.recipients = recipients;
	bulk.order.count = count;
	take_step(bulk, pg::BulkStep::add);
	CHECK_FOR_INTERRUPTS();
}

/* For what one step needs. */
MemoryContext
make_step_memory()
{
	return AllocSetContextCreate(CurrentMemoryContext, "recipients", ALLOCSET_DEFAULT_SIZES);
}

pg::BulkRecipient *
make_recipients()
{
	return static_cast<pg::BulkRecipient *>(palloc(sizeof(pg::BulkRecipient) * recipients_at_once));
}

/* The recipients are those of a query. */
void
send_to_query(Bulk &bulk, const char *query, bool named)
{
	pg::BulkRecipient *recipients = make_recipients();
	take_step(bulk, pg::BulkStep::begin);

	SPI_connect();
	Portal cursor = open_query(query);
	QueryColumns columns;
	read_columns(cursor->tupDesc, columns);
	bulk.order.parameter_count = bulk.order.body == nullptr ? columns.count : 0;
	if (named)
		bulk.order.parameter_names = columns.name;
	MemoryContext memory = make_step_memory();
	MemoryContext before = MemoryContextSwitchTo(memory);
	while (add_rows_of_query(bulk, cursor, columns, recipients))
		MemoryContextReset(memory);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(memory);
	SPI_cursor_close(cursor);
	SPI_finish();
	take_step(bulk, pg::BulkStep::end);
}

void
send_to_arrays(Bulk &bulk, const PhoneArrays &arrays)
{
	pg::BulkRecipient *recipients = make_recipients();
	take_step(bulk, pg::BulkStep::begin);
	MemoryContext memory = make_step_memory();
	MemoryContext before = MemoryContextSwitchTo(memory);
	for (int from = 0; from < arrays.count; from += recipients_at_once) {
		add_rows_of_arrays(bulk, arrays, from, recipients);
		MemoryContextReset(memory);
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(memory);
	take_step(bulk, pg::BulkStep::end);
}

/* A query may call functions that write, so what a dry run has done is rolled back. */
template <class Send>
void
send_or_try(const Bulk &bulk, Send send)
{
	if (bulk.order.dry_run)
		pg::run_undone_body([&] { send(); });
	else
		send();
}

} // namespace

Datum
pg_whatsapp_send_bulk_query(PG_FUNCTION_ARGS)
{
	Bulk bulk = {};
	const char *query = entry::required_cstring(fcinfo, 0, "query");
	read_order(fcinfo, 2, bulk);
	const bool named = is_true(fcinfo, 10);
	bulk.order.language_fallback = is_true(fcinfo, 11);
	bulk.order.dry_run = is_true(fcinfo, 12);
	send_or_try(bulk, [&] { send_to_query(bulk, query, named); });
	return result_of(fcinfo, bulk.order);
}

Datum
pg_whatsapp_send_bulk_array(PG_FUNCTION_ARGS)
{
	Bulk bulk = {};
	const PhoneArrays arrays = read_arrays(fcinfo);
	read_order(fcinfo, 3, bulk);
	bulk.order.language_fallback = is_true(fcinfo, 11);
	bulk.order.dry_run = is_true(fcinfo, 12);
	bulk.order.parameter_count = bulk.order.body == nullptr ? arrays.columns : 0;
	send_or_try(bulk, [&] { send_to_arrays(bulk, arrays); });
	return result_of(fcinfo, bulk.order);
}
