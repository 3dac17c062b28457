/*
 * report_money.hpp — what was delivered has cost, and what budgets have left.
 */
#pragma once

#include <string>

#include "core/page/figures.hpp"

namespace whatsapp
{

/* Two sections of the page of a database; none where nothing was delivered and no budget is set. */
void add_money(std::string &page, const DatabaseFigures &database, double now);

} // namespace whatsapp
