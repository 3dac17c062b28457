/*
 * claim_holds.hpp — what is about to leave and may not: its template is marketing all of a sudden,
 * or no budget has room for it.
 */
#pragma once

namespace whatsapp::pg
{

struct Claims;

/* In the transaction of the mark. What is held is not among the claims any more: its row is ready
 * again, due when the hold is over, and says what holds it. budgets: there may be some. */
void hold_claims(Claims &claims, bool budgets);

} // namespace whatsapp::pg
