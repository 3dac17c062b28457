/*
 * budget_rule.cpp — shares without a division: limits have at most eighteen digits.
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
	/* used < limit: a fifth of what is left decides, and nothing can overflow */
	if (use.limit - use.used <= use.limit / 5)
		return 80;
	return use.limit - use.used <= use.limit / 2 ? 50 : 0;
}

} // namespace whatsapp
