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
	/* how much of the period was left when a message did not fit; -1 before */
	std::int64_t too_little;
	/* sums of the batch that is being reserved */
	std::int64_t amount;
	std::int64_t messages;
	std::int64_t unpriced;
};

struct Budgets {
	Budget *rows;
	int count;
	bool by_campaign; /* at least one of them is for a campaign */
	/* grows when a period or a scope has changed: prices, which name the budgets, must be made
	 * anew */
	unsigned generation;
	/* budgets or prices have changed: messages that are held for an unknown price are looked at
	 * again, some at a time; up to this id that is done */
	std::int64_t looked_until;
};

/* All of them. */
constexpr std::int64_t looked_at_all = INT64_MAX;

/* What was held may fit now, or have a price: all of it is tried again. */
void reopen_budgets(Budgets &budgets);

/* In a transaction. What was read is good for a second, but no longer than until somebody sets a
 * budget or a period ends. */
Budgets &look_at_budgets();

/* The next look reads them. */
void forget_budgets();

} // namespace whatsapp::pg
