/*
 * limits.cpp — read from whatsapp_budget_sums, a second at most ago.
 */
#include "pg/budgets/limits.hpp"

#include "pg/rows/table_stamp.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t good_for_ms = 1000;

Budgets budgets = {nullptr, 0, false, 0, looked_at_all};
MemoryContext memory = nullptr;
std::int64_t read_at = 0; /* 0: to be read */

Result
read_sums()
{
	static Statement statement = {
	    "SELECT name, (amount * 100000000)::bigint, ((reserved + settled) * 100000000)::bigint, currency, account, sender,"
	    " replace(" LOWER_WORD(
	        "category") ", '-', '_'), template_name, hold, unpriced_policy = 'hold', period_id, ends_at, warned,"
	                    " period_amount IS DISTINCT FROM amount, campaign_id FROM @s@.whatsapp_budget_sums ORDER BY name",
	    0,
	    {}};
	return run_statement(statement, Values());
}

/* Makes the rows of new periods, and renews those whose budget has another amount now: warnings
 * begin anew then. Nobody else makes periods. A row that somebody has locked, to remove it, is left
 * alone. */
void
keep_periods()
{
	static Statement make = {
	    "INSERT INTO @s@.whatsapp_budget_periods (budget, starts_at, ends_at, amount)"
	    " SELECT name, starts_at, ends_at, amount FROM @s@.whatsapp_budget_sums WHERE period_id IS NULL",
	    0,
	    {}};
	static Statement renew = {
	    "UPDATE @s@.whatsapp_budget_periods AS p SET amount = f.amount, warned = 0, warned_at = NULL"
	    " FROM (SELECT r.id, s.amount FROM @s@.whatsapp_budget_sums AS s"
	    "  JOIN @s@.whatsapp_budget_periods AS r ON r.id = s.period_id"
	    "  WHERE r.amount <> s.amount FOR UPDATE OF r SKIP LOCKED) AS f WHERE p.id = f.id",
	    0,
	    {}};
	(void)run_statement(make, Values());
	(void)run_statement(renew, Values());
}

/* What did not fit into one period may fit into the next. */
std::int64_t
remembered_too_little(std::int64_t period)
{
	for (int i = 0; i < budgets.count; i++)
		if (budgets.rows[i].period == period)
			return budgets.rows[i].too_little;
	return -1;
}

bool
has_other_periods(const Budget *rows, int count)
{
	if (count != budgets.count)
		return true;
	for (int i = 0; i < count; i++)
		if (rows[i].period != budgets.rows[i].period)
			return true;
	return false;
}

void
remember_budgets(const Result &rows, bool other_limits)
{
	MemoryContext made =
	    AllocSetContextCreate(CurTransactionContext, "pg_whatsapp budgets", ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(made);
	auto *read = static_cast<Budget *>(palloc0(sizeof(Budget) * (rows.count() + 1)));
	const int count = static_cast<int>(rows.count());
	budgets.by_campaign = false;
	for (int i = 0; i < count; i++) {
		const auto row = static_cast<uint64>(i);
		Budget &one = read[i];
		one.name = rows.text_at(row, 1);
		one.use = {rows.int64_at(row, 2), rows.int64_at(row, 3)};
		one.currency = rows.text_at(row, 4);
		one.account = rows.text_at(row, 5);
		one.sender = rows.text_at(row, 6);
		one.category = rows.text_at(row, 7);
		one.template_name = rows.text_at(row, 8);
		one.campaign_id = rows.is_null(row, 15) ? 0 : rows.int64_at(row, 15);
		budgets.by_campaign |= one.campaign_id != 0;
		one.holds = rows.bool_at(row, 9);
		one.holds_unpriced = rows.bool_at(row, 10);
		one.period = rows.int64_at(row, 11);
		one.ends_at = rows.int64_at(row, 12);
		one.warned = static_cast<std::int16_t>(rows.int32_at(row, 13));
		one.too_little = other_limits ? -1 : remembered_too_little(one.period);
	}
	MemoryContextSwitchTo(before);
	if (other_limits || has_other_periods(read, count)) {
		budgets.generation++;
		budgets.looked_until = 0;
	}
	MemoryContextSetParent(made, TopMemoryContext);
	if (memory != nullptr)
		MemoryContextDelete(memory);
	memory = made;
	budgets.rows = read;
	budgets.count = count;
}

bool
needs_periods(const Result &rows)
{
	for (uint64 i = 0; i < rows.count(); i++)
		if (rows.is_null(i, 11) || rows.bool_at(i, 14))
			return true;
	return false;
}

bool
is_over(TimestampTz now)
{
	for (int i = 0; i < budgets.count; i++)
		if (budgets.rows[i].ends_at <= now)
			return true;
	return false;
}

} // namespace

Budgets &
look_at_budgets()
{
	static TableStamp limits("whatsapp_budget_limits");
	const std::int64_t now = monotonic_ms();
	const bool other_limits = has_changed(limits) || read_at == 0;
	if (!other_limits && now - read_at < good_for_ms &&
	    !is_over(GetCurrentTransactionStartTimestamp()))
		return budgets;
	Result rows = read_sums();
	if (needs_periods(rows)) {
		keep_periods();
		rows = read_sums();
	}
	remember_budgets(rows, other_limits);
	read_at = now;
	return budgets;
}

void
reopen_budgets(Budgets &known)
{
	known.looked_until = 0;
	for (int i = 0; i < known.count; i++)
		known.rows[i].too_little = -1;
}

void
forget_budgets()
{
	read_at = 0;
}

} // namespace whatsapp::pg
