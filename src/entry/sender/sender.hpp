/*
 * sender.hpp — what the sender remembers from one turn to the next, and the one commit of a turn.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/turn/slot_batch.hpp"
#include "pg/identity/instance.hpp"
#include "pg/queue/queue.hpp"

struct MemoryContextData;

namespace whatsapp::entry
{

class Dispatcher;
class Line;

struct SenderWorker {
	Line *line;
	Dispatcher *dispatcher;
	MemoryContextData *batch;
	pg::Instance instance;
	bool ask_due;   /* next_due is not known */
	bool saturated; /* more could leave than there was room for */
	SlotBatch slot_batch;
	std::size_t sender_count;
	std::int64_t claim_after;  /* the end of a quarantine */
	std::int64_t senders_at;   /* the last look at them */
	std::int64_t next_senders; /* the next one, whether something is to be sent or not */
	std::int64_t first_result; /* when the oldest of those to be written came; 0 for none */
	std::int64_t next_due;     /* 0: nothing waits for its time */
	std::int64_t next_look;
	std::int64_t next_tick;
	std::int64_t next_note;
	std::int64_t next_beat;
	std::int64_t next_expire;
	std::int64_t next_sweep;
	std::int64_t next_write; /* after a setback; 0 without one */
	std::int64_t setback;
	std::int64_t next_kept; /* answers that could not be written are tried again; 0 without one */
	std::int64_t kept_pause;
	std::int64_t careful_until;
};

/* A message will be due in delay_ms. */
void due_in(SenderWorker &worker, std::int64_t delay_ms);

/* Whether there may be something to claim; and how many slots the next claim may fill. */
bool may_claim(const SenderWorker &worker, std::int64_t now);
int count_free_places(const SenderWorker &worker);
/* To be called when slots may have become free or have been filled. */
void note_free_slots(SenderWorker &worker, std::int64_t now);

/* The holds and the senders, as they are now; in a transaction. */
void look_at_senders(SenderWorker &worker);

/* Settles some of what could not be written before. */
void settle_kept(SenderWorker &worker);

/* Settles what has been answered, claims up to limit, and sends that once it is committed. */
void settle_and_claim(SenderWorker &worker, int limit);

} // namespace whatsapp::entry
