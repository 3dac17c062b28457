/*
 * gauges.hpp — what is in the tables now, for those who may not read them: the reader looks and
 * leaves it in shared memory.
 */
#pragma once

namespace whatsapp::pg
{

/* The queue by sender, priority and state, the senders' switches, days, budgets, templates and
 * opt-outs. In a transaction. */
void note_gauges();

} // namespace whatsapp::pg
