/*
 * cost_figures.hpp — what was delivered in the last two months and what it costs, summed up in
 * rounds: all of it read at once would keep the reader from its other work.
 */
#pragma once

namespace whatsapp::pg
{

/* The next some thousand messages of the round; the last step leaves the costs of 30 days in shared
 * memory, and the next one begins another round when something has changed. In a transaction. True
 * when the round goes on. */
bool sum_cost_slice();

/* The transaction has failed: what is written tells where to go on. */
void forget_cost_round();

} // namespace whatsapp::pg
