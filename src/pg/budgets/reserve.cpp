/*
 * reserve.cpp — what fits its budgets is reserved in the transaction of the claim, the rest is
 * held; each budget warns once.
 */
#include "pg/budgets/budgets.hpp"

#include <algorithm>

#include "pg/budgets/limits.hpp"
#include "pg/budgets/prices.hpp"
#include "pg/budgets/reservation_rows.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int most_warnings = 16;
constexpr std::int64_t most_woken = 10000;

/* Of the running transaction, for the log once it is committed. */
struct Warning {
	char budget[64];
	int percent;
	BudgetUse use;
	char currency[4];
	bool holds;
};
Warning warnings[most_warnings];
int warning_count = 0;

OwnTable limits_table("whatsapp_budget_limits");

/* Finds the messages that have money reserved already: they are tried again, and have kept it. */
void
find_reserved(const PricedMessage *messages, std::size_t count, bool *has_money)
{
	static Statement statement = {
	    "SELECT message_id FROM @s@.whatsapp_charges WHERE message_id = ANY ($1) AND state = 'reserved'",
	    1,
	    {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		if (!messages[i].fresh)
			ids.add(Int64GetDatum(messages[i].id));
	if (ids.count() == 0)
		return;
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		const PricedMessage *found =
		    std::lower_bound(messages, messages + count, rows.int64_at(i, 1),
		                     [](const PricedMessage &one, std::int64_t id) { return one.id < id; });
		has_money[found - messages] = true;
	}
}

/* Called only where a budget is for a campaign, so that others do not pay for the look. */
void
find_campaigns(PricedMessage *messages, std::size_t count)
{
	static Statement statement = {
	    "SELECT id, campaign_id FROM @s@.whatsapp_messages WHERE id = ANY ($1) AND campaign_id IS NOT NULL",
	    1,
	    {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		ids.add(Int64GetDatum(messages[i].id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		PricedMessage *found =
		    std::lower_bound(messages, messages + count, rows.int64_at(i, 1),
		                     [](const PricedMessage &one, std::int64_t id) { return one.id < id; });
		found->campaign_id = rows.int64_at(i, 2);
	}
}

std::int64_t
amount_of(const Price &price)
{
	const bool is_free = price.free_units != nullptr && price.free_units->used < price.free_limit;
	return price.is_known && !is_free ? price.amount : 0;
}

/* The first budget that has no room for it; NULL when all have. */
Budget *
full_budget(const Price &price, std::int64_t amount, Budgets &budgets)
{
	for (int i = 0; i < price.budgets; i++) {
		Budget &budget = budgets.rows[price.budget[i]];
		if (price.is_known ? budget.holds && !fits_budget(budget.use, amount)
		                   : budget.holds_unpriced)
			return &budget;
	}
	return nullptr;
}

void
hold_message(PricedMessage &message, const Price &price, Budget &budget)
{
	if (price.is_known)
		budget.too_little = std::max(budget.too_little, budget.use.limit - budget.use.used);
	message.held_by =
	    psprintf(price.is_known ? "budget %s" : "unknown price, budget %s", budget.name);
	message.held_until = budget.ends_at;
}

void
take_from_budgets(const Price &price, std::int64_t amount, Budgets &budgets)
{
	for (int i = 0; i < price.budgets; i++) {
		Budget &budget = budgets.rows[price.budget[i]];
		budget.use.used += amount;
		budget.amount += amount;
		budget.messages++;
		budget.unpriced += price.is_known ? 0 : 1;
	}
	if (price.free_units != nullptr)
		price.free_units->used++;
}

/* Warns once a period: its row remembers that. A row that somebody has locked, to remove it, is
 * left alone. */
void
note_warning(Budget &budget, int percent)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_budget_periods AS p SET warned = $2, warned_at = now()"
	    " FROM (SELECT r.id FROM @s@.whatsapp_budget_periods AS r WHERE r.id = $1 AND r.warned < $2"
	    "  FOR UPDATE SKIP LOCKED) AS f WHERE p.id = f.id",
	    2,
	    {INT8OID, INT4OID}};
	Values values;
	values.set(0, Int64GetDatum(budget.period));
	values.set(1, Int32GetDatum(percent));
	budget.warned = percent;
	if (run_statement(statement, values).empty())
		return;
	if (warning_count < most_warnings) {
		Warning &warning = warnings[warning_count++];
		strlcpy(warning.budget, budget.name, sizeof warning.budget);
		strlcpy(warning.currency, budget.currency, sizeof warning.currency);
		warning.percent = percent;
		warning.use = budget.use;
		warning.holds = budget.holds;
	}
	fault_point(FaultPoint::budget_warned);
}

/* A budget that had no room for a message counts as used up, even if a little is left of it. */
void
warn_of_budgets(Budgets &budgets)
{
	for (int i = 0; i < budgets.count; i++) {
		Budget &budget = budgets.rows[i];
		const int percent = budget.too_little >= budget.use.limit - budget.use.used
		                        ? 100
		                        : budget_warning(budget.use);
		if (percent > budget.warned)
			note_warning(budget, percent);
	}
}

} // namespace

bool
any_budgets()
{
	return has_pages(limits_table);
}

void
reserve_money(PricedMessage *messages, std::size_t count)
{
	Budgets &budgets = look_at_budgets();
	if (budgets.count == 0 || count == 0)
		return;
	if (budgets.by_campaign)
		find_campaigns(messages, count);
	Price **prices = find_prices(messages, count, budgets);
	auto *has_money = static_cast<bool *>(palloc0(sizeof(bool) * count));
	find_reserved(messages, count, has_money);
	auto *reserved = static_cast<Reserved *>(palloc(sizeof(Reserved) * count));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		const Price &price = *prices[i];
		if (has_money[i] || price.budgets == 0)
			continue;
		const std::int64_t amount = amount_of(price);
		Budget *full = messages[i].urgent ? nullptr : full_budget(price, amount, budgets);
		if (full != nullptr) {
			hold_message(messages[i], price, *full);
			continue;
		}
		take_from_budgets(price, amount, budgets);
		reserved[size++] = {messages[i].id, &price, amount};
	}
	if (size > 0) {
		insert_charges(reserved, size);
		fault_point(FaultPoint::budget_reserved);
		insert_ledger(budgets);
		for (int i = 0; i < budgets.count; i++) {
			Budget &budget = budgets.rows[i];
			budget.amount = budget.messages = budget.unpriced = 0;
		}
	}
	warn_of_budgets(budgets);
}

void
forget_reservations()
{
	warning_count = 0;
	forget_budgets();
}

void
report_budgets()
{
	for (int i = 0; i < warning_count; i++) {
		const Warning &warning = warnings[i];
		const char *used =
		    DatumGetCString(DirectFunctionCall1(numeric_out, money_datum(warning.use.used)));
		const char *limit =
		    DatumGetCString(DirectFunctionCall1(numeric_out, money_datum(warning.use.limit)));
		ereport(LOG,
		        (errmsg("WhatsApp budget \"%s\" has reached %d percent", warning.budget,
		                warning.percent),
		         errdetail("%s of %s %s are spent or reserved.", used, limit, warning.currency),
		         warning.percent == 100 && warning.holds
		             ? errhint("What does not fit waits for the next period, urgent messages "
		                       "aside. wa_budget_set() raises the amount.")
		             : errhint("See whatsapp_budgets.")));
	}
	warning_count = 0;
}

std::uint64_t
wake_held_messages()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET due_at = now(), held_by = NULL"
	    " FROM (SELECT r.message_id FROM @s@.whatsapp_queue AS r WHERE r.held_by IS NOT NULL AND r.state = 'ready'"
	    "  AND r.held_by LIKE '%budget %'"
	    "  AND (r.held_by <> ALL ($1) OR (r.held_by LIKE 'unknown price, %' AND r.message_id > $3))"
	    "  ORDER BY r.message_id LIMIT $2 FOR UPDATE SKIP LOCKED) AS f"
	    " WHERE q.message_id = f.message_id RETURNING q.message_id",
	    3,
	    {TEXTARRAYOID, INT8OID, INT8OID}};
	if (!any_budgets())
		return 0;
	Budgets &budgets = look_at_budgets();
	(void)find_prices(nullptr, 0, budgets);
	Column kept(2 * static_cast<std::size_t>(budgets.count));
	for (int i = 0; i < budgets.count; i++) {
		const Budget &budget = budgets.rows[i];
		const std::int64_t left = budget.use.limit - budget.use.used;
		if (budget.holds && left <= std::max<std::int64_t>(budget.too_little, 0))
			kept.add_text(psprintf("budget %s", budget.name));
		if (budget.holds_unpriced)
			kept.add_text(psprintf("unknown price, budget %s", budget.name));
	}
	Values values;
	values.set(0, kept.array(TEXTOID));
	values.set(1, Int64GetDatum(most_woken));
	values.set(2, Int64GetDatum(budgets.looked_until));
	const Result woken = run_statement(statement, values);
	/* those that still have no price are held again, and must not be the first ones of the next
	 * look */
	std::int64_t last = 0;
	for (uint64 i = 0; i < woken.count(); i++)
		last = std::max(last, woken.int64_at(i, 1));
	budgets.looked_until = woken.count() == most_woken ? last : looked_at_all;
	return woken.count();
}

} // namespace whatsapp::pg
