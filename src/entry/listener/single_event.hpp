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

/* False: it was not stored. locks: how many were waited for; after a few of them, what could meet
 * another one is left to the reader. */
bool store_single_event(const pg::Event &event, int &locks);

} // namespace whatsapp::entry
