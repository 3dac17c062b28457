/*
 * report_money.cpp — per currency one sentence and one row for each day; what Meta did not tell
 * is said to be an estimate, and what nobody can price is counted.
 */
#include "core/page/report_money.hpp"

#include <algorithm>
#include <cstring>

#include "core/page/page_text.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double near_end = 0.8;

std::uint64_t
not_negative(std::int64_t count)
{
	return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

/* With two decimals, or up to four when the amount has them: many messages cost less than a
 * hundredth of the currency. */
std::string
show_money(double amount, const char *currency)
{
	std::string digits = show_number(amount, 4);
	while (digits.back() == '0' && digits[digits.size() - 3] != '.')
		digits.pop_back();
	return digits + " " + (*currency == '\0' ? "?" : escape_html(currency));
}

std::string
basis_of(const CostFigures &sum)
{
	std::string basis = "as Meta told";
	if (sum.estimated_units >= sum.units)
		basis = "estimated";
	else if (sum.estimated_units > 0)
		basis = show_count(not_negative(sum.estimated_units)) + " of them estimated" +
		        (sum.estimated > 0 ? " (" + show_money(sum.estimated, sum.currency) + ")" : "");
	if (sum.unpriced > 0)
		basis += ", " + show_count(not_negative(sum.unpriced)) + " without a price";
	return basis;
}

void
add_to(CostFigures &sum, const CostFigures &cost)
{
	sum.units += cost.units;
	sum.free += cost.free;
	sum.unpriced += cost.unpriced;
	sum.cost += cost.cost;
	sum.estimated_units += cost.estimated_units;
	sum.estimated += cost.estimated;
}

void
add_currency(std::string &page, const DatabaseFigures &database, const char *currency)
{
	CostFigures sum = {};
	std::memcpy(sum.currency, currency, sizeof sum.currency);
	std::string rows;
	for (int i = database.cost_count - 1; i >= 0; i--) {
		const CostFigures &cost = database.cost[i];
		if (std::strcmp(cost.currency, currency) != 0)
			continue;
		add_to(sum, cost);
		rows += "<tr><td class=n>" + show_day(cost.day) + "<td class=r>" +
		        show_count(not_negative(cost.units)) + "<td class=r>" +
		        show_count(not_negative(cost.free)) + "<td class=r>" +
		        show_money(cost.cost, cost.currency) + "<td>" + basis_of(cost) + "</tr>\n";
	}
	page += "<p>" + show_money(sum.cost, currency) + ": " + show_count(not_negative(sum.units)) +
	        " delivered, " + show_count(not_negative(sum.free)) + " free; " + basis_of(sum) +
	        "</p>\n<table><tr><th>day<th class=r>delivered<th class=r>free<th "
	        "class=r>cost<th>basis</tr>\n" +
	        rows + "</table>\n";
}

void
add_costs(std::string &page, const DatabaseFigures &database, double now)
{
	if (database.cost_count == 0)
		return;
	page += "<h3>Cost of 30 days</h3>\n";
	for (int i = 0; i < database.cost_count; i++) {
		bool is_first = true;
		for (int k = 0; k < i; k++)
			is_first =
			    is_first && std::strcmp(database.cost[k].currency, database.cost[i].currency) != 0;
		if (is_first)
			add_currency(page, database, database.cost[i].currency);
	}
	page += "<p>Summed up " + show_ago(database.costs_at, now) + ".</p>\n";
}

void
add_budgets(std::string &page, const DatabaseFigures &database)
{
	if (database.budget_count == 0)
		return;
	page += "<h3>Budgets</h3>\n<table><tr><th><th>budget<th class=r>spent<th class=r>reserved<th "
	        "class=r>of<th class=r>wait</tr>\n";
	for (int i = 0; i < database.budget_count; i++) {
		const BudgetFigures &budget = database.budget[i];
		const double used = budget.spent + budget.reserved;
		const bool good = budget.held_messages == 0 && used < near_end * budget.amount;
		page += std::string(good ? "<tr class=ok><td>ok" : "<tr class=bad><td>look") + "<td>" +
		        escape_html(budget.name) + "<td class=r>" +
		        show_money(budget.spent, budget.currency) + "<td class=r>" +
		        show_money(budget.reserved, budget.currency) + "<td class=r>" +
		        show_money(budget.amount, budget.currency) + "<td class=r>" +
		        show_count(not_negative(budget.held_messages)) + "</tr>\n";
	}
	page += "</table>\n";
}

} // namespace

void
add_money(std::string &page, const DatabaseFigures &database, double now)
{
	add_costs(page, database, now);
	add_budgets(page, database);
}

} // namespace whatsapp
