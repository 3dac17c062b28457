/*
 * claim_budget.hpp — money for what is about to leave; what no budget has room for goes back.
 */
#pragma once

namespace whatsapp::pg
{

struct Claims;

/* In the transaction of the mark. What is held is not among the claims any more: its row is ready
 * again, due when the period of the budget ends, and says which budget holds it. */
void reserve_for_claims(Claims &claims);

} // namespace whatsapp::pg
