/*
 * claim_holds.hpp — messages that are claimed and must not leave: Meta has made their template a
 * marketing one, or a budget has no room for them.
 */
#pragma once

namespace whatsapp::pg
{

struct Claims;

/* In the transaction of the mark. What is held is not among the claims any more: its row is ready
 * again, due when the hold is over, and says what holds it. budgets: whether there may be any. */
void hold_claims(Claims &claims, bool budgets);

} // namespace whatsapp::pg
