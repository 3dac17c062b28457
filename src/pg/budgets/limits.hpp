/*
 * limits.hpp — the budgets as the sender remembers them: a limit, what is used of it, and a scope.
 */
#pragma once

#include <cstdint>

#include "core/price/budget_rule.hpp"

namespace whatsapp::pg
{

struct Budget {
	const char *name;
	BudgetUse use;
	const char *currency;
	/* NULL: all */
	const char *account;
	const char *sender;
	const char *category;
	const char *template_name;
	std::int64_t campaign_id; /* 0: all */
	bool holds;
	bool holds_unpriced;
	std::int64_t period;
	std::int64_t ends_at; /* TimestampTz */
	int warned;
	/* so much was left when something did not fit; -1 before */
	std::int64_t too_little;
	/* of the batch */
	std::int64_t amount;
	std::int64_t messages;
	std::int64_t unpriced;
};

struct Budgets {
	Budget *rows;
	int count;
	bool by_campaign; /* one of them at least */
	/* grows when a period or a scope is another one: what was made of them is to be made anew */
	unsigned generation;
	/* of any of them, since the budgets or the prices changed: what was held is looked at again */
	bool look_again;
};

/* In a transaction. What was read is good for a second, until somebody sets a budget, or a period
 * ends. */
Budgets &look_at_budgets();

/* The next look reads them. */
void forget_budgets();

} // namespace whatsapp::pg
