/*
 * budgets.cpp — budgets, made and removed.
 */
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_budget_set);
PG_FUNCTION_INFO_V1(pg_whatsapp_budget_remove);
}

using namespace whatsapp;

namespace
{

enum Argument {
	name,
	amount,
	currency,
	period,
	account,
	sender,
	category,
	template_name,
	hold,
	unpriced,
	campaign
};

constexpr TextLimit name_limit = {"name", 63};

/* the column is numeric(18,8): this has one digit too many */
constexpr char largest[] = "10000000000";

[[noreturn]] void
refuse_argument(const char *argument, const char *wanted)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be %s", argument, wanted)));
}

/* Of Meta's categories, those that a rate card has. */
bool
is_category(const char *word)
{
	for (const char *known : {"marketing", "utility", "authentication", "service"})
		if (strcmp(word, known) == 0)
			return true;
	return false;
}

void
check_amount(FunctionCallInfo fcinfo)
{
	const Datum limit = DirectFunctionCall3(numeric_in, CStringGetDatum(largest),
	                                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	const Datum zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	const Datum value = PG_GETARG_DATUM(amount);
	/* NaN is greater than every number */
	if (DatumGetBool(DirectFunctionCall2(numeric_ge, value, limit)))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("amount must be less than %s", largest)));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, value, zero)))
		refuse_argument("amount", "0 or more");
}

void
check_words(FunctionCallInfo fcinfo)
{
	const char *code = entry::optional_text(fcinfo, currency, nullptr);
	if (code != nullptr && (strlen(code) != 3 || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
		refuse_argument("currency", "an ISO 4217 code in capital letters, such as EUR");
	const char *span = entry::required_cstring(fcinfo, period, "period");
	if (strcmp(span, "day") != 0 && strcmp(span, "month") != 0)
		refuse_argument("period", "day or month");
	const char *kind = entry::optional_text(fcinfo, category, nullptr);
	if (kind != nullptr && !is_category(kind))
		refuse_argument("category", "marketing, utility, authentication or service");
	const char *policy = entry::required_cstring(fcinfo, unpriced, "unpriced");
	if (strcmp(policy, "count") != 0 && strcmp(policy, "hold") != 0)
		refuse_argument("unpriced", "count or hold");
	entry::require_argument(fcinfo, hold, "hold");
}

/* $1 account, $2 sender, $3 campaign */
pg::Values
scope_of(const pg::Values &values)
{
	pg::Values scope;
	scope.value[0] = values.value[account];
	scope.null[0] = values.null[account];
	scope.value[1] = values.value[sender];
	scope.null[1] = values.null[sender];
	scope.value[2] = values.value[campaign];
	scope.null[2] = values.null[campaign];
	return scope;
}

void
check_scope(const pg::Values &values)
{
	static pg::Statement missing = {
	    "SELECT $2 IS NOT NULL AND NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = $2),"
	    " $1 <> '' AND NOT EXISTS (SELECT FROM @s@.whatsapp_accounts WHERE name = $1),"
	    " $3 IS NOT NULL AND NOT EXISTS (SELECT FROM @s@.whatsapp_campaign_definitions WHERE id = $3)",
	    3,
	    {TEXTOID, TEXTOID, INT8OID}};
	const pg::Result found = pg::run_statement(missing, scope_of(values));
	if (found.bool_at(0, 1))
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT),
		         errmsg("sender \"%s\" does not exist", TextDatumGetCString(values.value[sender])),
		         errhint("See whatsapp_senders.")));
	if (found.bool_at(0, 2))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("WhatsApp account \"%s\" does not exist",
		                       TextDatumGetCString(values.value[account])),
		                errhint("See whatsapp_accounts; '' is the default account.")));
	if (found.bool_at(0, 3))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("campaign %lld does not exist",
		                       static_cast<long long>(DatumGetInt64(values.value[campaign]))),
		                errhint("See whatsapp_campaigns. A campaign and its budget can be made in "
		                        "one transaction.")));
}

/* Fills in the currency in which the messages of the scope are charged. Raises unless there is
 * exactly one. */
void
fill_currency(pg::Values &values)
{
	static pg::Statement of_scope = {
	    "SELECT DISTINCT b.currency FROM @s@.whatsapp_billing AS b WHERE b.currency IS NOT NULL"
	    " AND ($2 IS NULL OR b.sender = $2) AND ($1 IS NULL OR coalesce(b.account, '') = $1)"
	    " AND ($3 IS NULL OR b.sender = (SELECT c.sender FROM @s@.whatsapp_campaign_definitions AS c WHERE c.id = $3))",
	    3,
	    {TEXTOID, TEXTOID, INT8OID}};
	const pg::Result found = pg::run_statement(of_scope, scope_of(values));
	if (found.count() != 1)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("the currency of the budget is not known"),
		     errdetail("Its messages are charged in " UINT64_FORMAT " currencies.", found.count()),
		     errhint("Say it here, or in whatsapp.account_currency or whatsapp_accounts.")));
	values.set_text(currency, found.text_at(0, 1));
}

#define BUDGET_TYPES                                                                             \
	TEXTOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, \
	    INT8OID

/* Another scope, currency or period is another budget: its sums begin anew. */
void
drop_periods_of_another(const pg::Values &values)
{
	static pg::Statement statement = {
	    "DELETE FROM @s@.whatsapp_budget_periods AS p USING @s@.whatsapp_budget_limits AS l"
	    " WHERE p.budget = $1 AND l.name = $1 AND (l.currency, l.period, coalesce(l.account, '*'), coalesce(l.sender, '*'),"
	    "  coalesce(l.category, '*'), coalesce(l.template_name, '*'), coalesce(l.campaign_id, 0))"
	    " <> ($3, $4, coalesce($5, '*'), coalesce($6, '*'), coalesce($7, '*'), coalesce($8, '*'), coalesce($11, 0))",
	    11,
	    {BUDGET_TYPES}};
	(void)pg::run_statement(statement, values);
}

bool
write_budget(const pg::Values &values)
{
	static pg::Statement change = {
	    "UPDATE @s@.whatsapp_budget_limits SET amount = $2, currency = $3, period = $4, account = $5, sender = $6,"
	    " category = $7, template_name = $8, hold = $9, unpriced = $10, campaign_id = $11, set_at = now() WHERE name = $1",
	    11,
	    {BUDGET_TYPES}};
	static pg::Statement make = {
	    "INSERT INTO @s@.whatsapp_budget_limits (name, amount, currency, period, account, sender, category, template_name,"
	    " hold, unpriced, campaign_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	    11,
	    {BUDGET_TYPES}};
	if (pg::run_statement(change, values).count() > 0)
		return false;
	(void)pg::run_statement(make, values);
	return true;
}

} // namespace

Datum
pg_whatsapp_budget_set(PG_FUNCTION_ARGS)
{
	const char *its_name = entry::required_cstring(fcinfo, name, name_limit);
	if (*its_name == '\0')
		refuse_argument("name", "a text that is not empty");
	entry::require_argument(fcinfo, amount, "amount");
	check_amount(fcinfo);
	check_words(fcinfo);
	pg::Values values;
	for (int i = name; i <= campaign; i++)
		if (!PG_ARGISNULL(i))
			values.set(i, PG_GETARG_DATUM(i));
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	check_scope(values);
	if (PG_ARGISNULL(currency))
		fill_currency(values);
	drop_periods_of_another(values);
	const bool is_new = write_budget(values);
	SPI_finish();
	PG_RETURN_BOOL(is_new);
}

Datum
pg_whatsapp_budget_remove(PG_FUNCTION_ARGS)
{
	static pg::Statement remove = {
	    "DELETE FROM @s@.whatsapp_budget_limits WHERE name = $1", 1, {TEXTOID}};
	static pg::Statement remove_periods = {
	    "DELETE FROM @s@.whatsapp_budget_periods WHERE budget = $1", 1, {TEXTOID}};
	pg::Values values;
	values.set_text(0, entry::required_cstring(fcinfo, 0, name_limit));
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const bool is_gone = pg::run_statement(remove, values).count() > 0;
	(void)pg::run_statement(remove_periods, values);
	SPI_finish();
	PG_RETURN_BOOL(is_gone);
}
