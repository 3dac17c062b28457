/*
 * watch_expression.cpp — one expression, read and understood by itself, so that an error names its
 * place in what the user wrote; a part of watch_query.hpp.
 */
#include "pg/watches/watch_query.hpp"

#include "pg/watches/expression_query.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
}

namespace whatsapp::pg
{

namespace
{

/* What is read, for an error that is raised meanwhile. */
struct ReadExpression {
	const char *label;
	const char *expression;
	int before; /* characters that stand before it in the query */
};

/* The position in the server's error is one in our query, which the user has never seen. Makes it
 * one in the expression. */
extern "C" void
name_expression(void *argument)
{
	const auto *reading = static_cast<ReadExpression *>(argument);
	int position = geterrposition();
	if (position > 0)
		errposition(0);
	else
		position = getinternalerrposition();
	if (position > reading->before) {
		internalerrposition(position - reading->before);
		internalerrquery(reading->expression);
	} else {
		internalerrposition(0);
		internalerrquery(nullptr);
	}
	errcontext("expression \"%s\" of wa_watch()", reading->label);
}

template <class Body>
void
while_reading(ReadExpression &reading, Body body)
{
	ErrorContextCallback callback = {error_context_stack, name_expression, &reading};
	error_context_stack = &callback;
	body();
	error_context_stack = callback.previous;
}

bool
is_one_value(const SelectStmt &select)
{
	if (list_length(select.targetList) != 1 || select.op != SETOP_NONE ||
	    select.fromClause != NIL || select.whereClause != nullptr || select.groupClause != NIL ||
	    select.havingClause != nullptr || select.windowClause != NIL || select.sortClause != NIL ||
	    select.distinctClause != NIL || select.limitOffset != nullptr ||
	    select.limitCount != nullptr || select.lockingClause != NIL || select.valuesLists != NIL ||
	    select.withClause != nullptr)
		return false;
	const auto *target = static_cast<ResTarget *>(linitial(select.targetList));
	if (target->name != nullptr || target->indirection != NIL)
		return false;
	if (!IsA(target->val, ColumnRef))
		return true;
	return !IsA(llast(reinterpret_cast<ColumnRef *>(target->val)->fields), A_Star);
}

void
check_shape(const char *expression)
{
	List *parsed = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	const auto *statement = linitial_node(RawStmt, parsed);
	if (!IsA(statement->stmt, SelectStmt) ||
	    !is_one_value(*reinterpret_cast<SelectStmt *>(statement->stmt)))
		ereport(ERROR,
		        (errcode(ERRCODE_SYNTAX_ERROR), errmsg("not one SQL expression"),
		         errhint("Write an expression over new and old, such as new.phone or "
		                 "(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier).")));
}

Oid
type_of_expression(const char *query)
{
	SPIPlanPtr plan = SPI_prepare(query, 0, nullptr);
	if (plan == nullptr)
		elog(ERROR, "could not prepare a query: %s", SPI_result_code_string(SPI_result));
	const auto *source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
	const Oid type = TupleDescAttr(source->resultDesc, 0)->atttypid;
	SPI_freeplan(plan);
	return type;
}

void
check_type(Oid type, WatchValue value)
{
	const Oid base = getBaseType(type);
	if (value == WatchValue::condition && base != BOOLOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("condition must be of type boolean, not %s", format_type_be(type))));
	if (value == WatchValue::time && base != TIMESTAMPTZOID && base != TIMESTAMPOID &&
	    base != DATEOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("time must be of type timestamp with time zone, not %s",
		                       format_type_be(type))));
	if (value == WatchValue::text && base == MONEYOID)
		ereport(ERROR,
		        (errcode(ERRCODE_DATATYPE_MISMATCH),
		         errmsg("a value of type money has no currency"),
		         errdetail("It would be sent with the currency sign of the server's lc_monetary."),
		         errhint("Write wa_format_amount(new.total::numeric, 'EUR').")));
}

} // namespace

void
check_watch_expression(const char *label, const char *expression, WatchValue value,
                       const WatchRows &none)
{
	if (expression == nullptr)
		return;
	ReadExpression reading = {label, expression, 0};
	while_reading(reading, [&] {
		check_shape(expression);
		int before = 0;
		const char *query = expression_query(expression, none, before);
		reading.before = before;
		const Oid type = type_of_expression(query);
		reading.before = 0;
		check_type(type, value);
	});
}

} // namespace whatsapp::pg
