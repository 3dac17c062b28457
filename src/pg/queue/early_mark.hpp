/*
 * early_mark.hpp — the mark "sending", made by the very transaction that makes the message.
 *
 * A sender that sleeps while slots on the wire are free offers them. A transaction with one message
 * takes a slot before it commits and marks the row in the sender's name: then nothing is left to be
 * committed between that commit and the request. The mark is worth what any other is: it is durable
 * before a byte leaves, there is a slot for it, and after a crash its message is in doubt.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/queue/queue.hpp"

namespace whatsapp::pg
{

/* That are offered at once. */
inline constexpr int most_early_marks = 8;

/* For the hooks of shmem.cpp. */
std::size_t early_mark_space();
void attach_early_marks();

/* Session side: what the transaction has put into the queue, due then; address 0 when nobody knows
 * where it lies. More than one message, or one for later, is left to the sender. */
void note_new_message(std::int64_t id, std::uint64_t address, std::int64_t due);
/* Before the commit: takes a slot when there is one. */
void take_slot();
/* With a slot: marks the row, unless it is gone. May raise what an UPDATE of it would. */
void mark_early();
/* At the end of the transaction, whose message is the sender's now when it was marked and
 * committed. Before the sender is woken. */
void end_early_mark(bool committed);

/* Sender side, for the sender of that place alone. open: in a transaction, once; takes what the
 * life before it has left, which is to be put back. When the process leaves, it hands back what it
 * took and has not sent. */
void open_early_marks(int place);
void offer_slots(int place, std::int64_t epoch, int slots);

/* Ends the offer and takes what has been handed over. */
struct Handover {
	int held;         /* slots of transactions that have not ended */
	std::int64_t due; /* the earliest of what was taken, no_due for none: its bell may ring later */
};
Handover take_early_marks(int place);

/* Taken, and not forgotten: marked, committed, and not sent by whoever it was marked for. Only what
 * was marked for this epoch may leave without a new mark: when a session was halted before it could
 * hand over, a later epoch may have made an attempt of its own. */
bool any_early_marks();
bool is_early(std::int64_t id);
bool is_early(std::int64_t id, std::int64_t epoch);
const EarlyMark *early_marks(std::size_t &count);
void forget_early_mark(std::int64_t id);
void forget_early_marks();

} // namespace whatsapp::pg
