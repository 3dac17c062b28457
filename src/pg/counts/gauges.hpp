/*
 * gauges.hpp — what is in the tables now, for monitoring that may not read them: the reader looks
 * and leaves it in shared memory.
 */
#pragma once

namespace whatsapp::pg
{

/* The queue by sender, priority and state, the senders' switches, days, budgets, templates,
 * opt-outs and the end of the access token. In a transaction. */
void note_gauges();

} // namespace whatsapp::pg
