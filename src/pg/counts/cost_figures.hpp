/*
 * cost_figures.hpp — what was delivered in the last two months and what it costs, summed up in
 * rounds: all of it read at once would keep the reader from its other work.
 */
#pragma once

namespace whatsapp::pg
{

/* Sums up the next ten thousand messages of the round. The last step of a round leaves the costs of
 * 30 days in shared memory; the step after it begins another round when something has changed. In a
 * transaction. True when the round goes on. */
bool sum_cost_slice();

/* The transaction has failed. The rows that were committed tell where to go on. */
void forget_cost_round();

} // namespace whatsapp::pg
