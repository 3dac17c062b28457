/*
 * reservation_rows.cpp — directly, or by a statement where a table was altered.
 */
#include "pg/budgets/reservation_rows.hpp"

#include "pg/rows/left_out.hpp"
#include "pg/rows/row_insert.hpp"
#include "pg/server/columns.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
}

namespace whatsapp::pg
{

namespace
{

bool
insert_charges_directly(const Reserved *reserved, std::size_t count)
{
	Relation table = open_to_insert(charges_shape);
	if (table == nullptr)
		return false;
	using NewCharge = NewRow<charge_column::count>;
	auto *made = static_cast<NewCharge *>(palloc(sizeof(NewCharge) * count));
	auto *rows = static_cast<Row *>(palloc(sizeof(Row) * count));
	const Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	const Datum state = CStringGetTextDatum("reserved");
	const Price *last = nullptr;
	Datum category = Datum(0);
	for (std::size_t i = 0; i < count; i++) {
		const Price &price = *reserved[i].price;
		if (&price != last && price.category != nullptr)
			category = CStringGetTextDatum(price.category);
		last = &price;
		NewCharge &row = made[i];
		row.clear();
		row.set(charge_column::message_id, Int64GetDatum(reserved[i].message_id));
		row.set(charge_column::reserved_at, now);
		row.set(charge_column::state, state);
		if (price.category != nullptr)
			row.set(charge_column::category, category);
		if (price.is_known)
			row.set(charge_column::amount, money_datum(reserved[i].amount));
		row.set(charge_column::periods, price.periods);
		rows[i] = row.row();
	}
	insert_rows(table, charges_shape, rows, static_cast<int>(count));
	table_close(table, NoLock);
	return true;
}

/* An array of arrays must be of one size: so they go as text. */
void
insert_charges_by_statement(const Reserved *reserved, std::size_t count)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_charges (message_id, reserved_at, state, category, amount, periods)"
	    " SELECT a.id, now(), 'reserved', a.category, a.amount, a.periods::bigint[]"
	    " FROM unnest($1, $2, $3, $4) AS a (id, category, amount, periods)",
	    4,
	    {INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, TEXTARRAYOID}};
	Oid output;
	bool is_varlena;
	getTypeOutputInfo(INT8ARRAYOID, &output, &is_varlena);
	Column ids(count);
	Column categories(count);
	Column amounts(count);
	Column periods(count);
	for (std::size_t i = 0; i < count; i++) {
		const Price &price = *reserved[i].price;
		ids.add(Int64GetDatum(reserved[i].message_id));
		categories.add_text(price.category);
		if (price.is_known)
			amounts.add(money_datum(reserved[i].amount));
		else
			amounts.add_null();
		periods.add_text(OidOutputFunctionCall(output, price.periods));
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, categories.array(TEXTOID));
	values.set(2, amounts.array(NUMERICOID));
	values.set(3, periods.array(TEXTOID));
	if (run_statement(statement, values).count() < count)
		raise_left_out("whatsapp_charges");
}

bool
insert_ledger_directly(const Budgets &budgets)
{
	Relation table = open_to_insert(ledger_shape);
	if (table == nullptr)
		return false;
	const auto room = static_cast<Size>(budgets.count);
	using NewSum = NewRow<ledger_column::count>;
	auto *made = static_cast<NewSum *>(palloc(sizeof(NewSum) * room));
	auto *rows = static_cast<Row *>(palloc(sizeof(Row) * room));
	const Datum nothing = money_datum(0);
	int size = 0;
	for (int i = 0; i < budgets.count; i++) {
		const Budget &budget = budgets.rows[i];
		if (budget.messages == 0)
			continue;
		const Datum amount = money_datum(budget.amount);
		NewSum &row = made[size];
		row.clear();
		row.set(ledger_column::period, Int64GetDatum(budget.period));
		row.set(ledger_column::authorised, amount);
		row.set(ledger_column::reserved, amount);
		row.set(ledger_column::settled, nothing);
		row.set(ledger_column::released, nothing);
		row.set(ledger_column::messages, Int64GetDatum(budget.messages));
		row.set(ledger_column::unpriced, Int64GetDatum(budget.unpriced));
		rows[size++] = row.row();
	}
	insert_rows(table, ledger_shape, rows, size);
	table_close(table, NoLock);
	return true;
}

void
insert_ledger_by_statement(const Budgets &budgets)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_budget_ledger (period, authorised, reserved, settled, released, messages, unpriced)"
	    " SELECT a.period, a.amount, a.amount, 0, 0, a.messages, a.unpriced"
	    " FROM unnest($1, $2, $3, $4) AS a (period, amount, messages, unpriced)",
	    4,
	    {INT8ARRAYOID, NUMERICARRAYOID, INT8ARRAYOID, INT8ARRAYOID}};
	const auto room = static_cast<std::size_t>(budgets.count);
	Column periods(room);
	Column amounts(room);
	Column messages(room);
	Column unpriced(room);
	for (int i = 0; i < budgets.count; i++) {
		const Budget &budget = budgets.rows[i];
		if (budget.messages == 0)
			continue;
		periods.add(Int64GetDatum(budget.period));
		amounts.add(money_datum(budget.amount));
		messages.add(Int64GetDatum(budget.messages));
		unpriced.add(Int64GetDatum(budget.unpriced));
	}
	Values values;
	values.set(0, periods.array(INT8OID));
	values.set(1, amounts.array(NUMERICOID));
	values.set(2, messages.array(INT8OID));
	values.set(3, unpriced.array(INT8OID));
	if (run_statement(statement, values).count() < static_cast<uint64>(periods.count()))
		raise_left_out("whatsapp_budget_ledger");
}

} // namespace

Datum
money_datum(std::int64_t amount)
{
	return NumericGetDatum(int64_div_fast_to_numeric(amount, money_decimals));
}

void
insert_charges(const Reserved *reserved, std::size_t count)
{
	if (!insert_charges_directly(reserved, count))
		insert_charges_by_statement(reserved, count);
}

void
insert_ledger(const Budgets &budgets)
{
	if (!insert_ledger_directly(budgets))
		insert_ledger_by_statement(budgets);
}

} // namespace whatsapp::pg
