/*
 * single_event.hpp — one item of a delivery that could not be stored with the others.
 */
#pragma once

#include "pg/server/transaction.hpp"
#include "pg/webhooks/event.hpp"

namespace whatsapp::entry
{

template <class Body>
bool
commit_or_repeat(Body body)
{
	return pg::run_transaction(Body(body)) ||
	       (pg::failure_repeats() && pg::run_transaction(Body(body)));
}

/* False when it was not stored. locks counts how many locks were waited for in vain. After a few of
 * them an item is only stored, and what is to be done about it is left to the reader. */
bool store_single_event(const pg::Event &event, int &locks);

} // namespace whatsapp::entry
