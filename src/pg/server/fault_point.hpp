/*
 * fault_point.hpp — where test builds can die, or be halted: at every step between two facts that
 * must agree, the table's, the wire's and the webhooks'.
 *
 * In an installed library these functions are empty. `make fault-points` links the same objects
 * with a fault_point.o of its own, whose points obey the file pg_whatsapp.fault in the data
 * directory.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

/* The names in fault_point.cpp stand in the same order. */
enum class FaultPoint : int {
	/* launcher */
	worker_start,
	/* sender */
	epoch_raised,
	epoch_doubted,
	epoch_committed,
	settle_begin,
	settle_failure,
	settle_paused,
	settle_dequeued,
	settle_remembered,
	settled,
	budget_reserved,
	budget_warned,
	claimed,
	claim_committed,
	request_made,
	half_sent,
	all_sent,
	doubt_resolved,
	drain_settled,
	/* listener */
	delivery_taken,
	event_inserted,
	event_dequeued,
	budget_settled,
	events_stored,
	events_committed,
	half_answered,
	all_answered,
	/* reader */
	intake_acted,
	intake_committed,
	ledger_folded,
	/* clerk */
	request_claimed,
	request_written,
	request_settled,
	/* backend */
	message_inserted,
	message_enqueued,
	message_cancelled,
	message_retried,
	count
};

/* Dies, halts or raises an error when that was ordered. So no destructor may be waiting where it is
 * called. count: how many things the caller has in hand; with 0 there is nothing to interrupt, and
 * nothing happens. */
void fault_point(FaultPoint point, std::size_t count = 1);

/* For a place where destructors wait: true when it is to fail, instead of an error. */
bool fault_ordered(FaultPoint point);

/* In test builds, the setting whatsapp.fault_points, which names them all. Called once by _PG_init.
 */
void define_fault_points();

} // namespace whatsapp::pg
