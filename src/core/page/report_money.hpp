/*
 * report_money.hpp — what the delivered messages have cost, and what is left of the budgets.
 */
#pragma once

#include <string>

#include "core/page/figures.hpp"

namespace whatsapp
{

/* Two sections of the page of a database; none where nothing was delivered and no budget is set. */
void add_money(std::string &page, const DatabaseFigures &database, double now);

} // namespace whatsapp
