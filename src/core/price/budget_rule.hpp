/*
 * budget_rule.hpp — what fits into a budget, and when it warns.
 *
 * Money is a whole number of hundred-millionths: rate cards have at most eight decimals, and so
 * each sum is exact.
 */
#pragma once

#include <cstdint>

namespace whatsapp
{

inline constexpr int money_decimals = 8;
inline constexpr std::int64_t money_unit = 100'000'000;

struct BudgetUse {
	std::int64_t limit;
	std::int64_t used;
};

/* What is free always fits. */
bool fits_budget(const BudgetUse &use, std::int64_t amount) noexcept;

/* The warning that is due: 0, 50, 80 or 100 percent. A limit of 0 is used up at once. */
int budget_warning(const BudgetUse &use) noexcept;

} // namespace whatsapp
