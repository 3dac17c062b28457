/*
 * budget_rule.cpp — shares of a limit without a multiplication: limits have up to eighteen digits,
 * and a product could overflow.
 */
#include "core/price/budget_rule.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

bool
fits_budget(const BudgetUse &use, std::int64_t amount) noexcept
{
	return amount == 0 || amount <= use.limit - use.used;
}

int
budget_warning(const BudgetUse &use) noexcept
{
	if (use.used >= use.limit)
		return 100;
	/* from here on used is less than limit: what is left is compared with a fifth and with half of
	 * the limit */
	if (use.limit - use.used <= use.limit / 5)
		return 80;
	return use.limit - use.used <= use.limit / 2 ? 50 : 0;
}

} // namespace whatsapp
