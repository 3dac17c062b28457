/*
 * bells.cpp — what a transaction has to ring at its end, and what the senders have heard.
 */
#include "pg/server/bells.hpp"

#include "pg/server/clerk_call.hpp"
#include "pg/server/prepared_rings.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/transaction_end.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "storage/latch.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* A sender that listened longer ago than this has lost its data from the caches of the CPU, and
 * needs a while to get going. */
constexpr TimestampTz rest_us = 10000;

/* Of one sender. */
struct Bell {
	Rung rung;               /* since the sender listened last */
	TimestampTz listened_at; /* then */
};

struct Bells {
	slock_t lock;
	unsigned attaches; /* CREATE EXTENSION commits so far */
	Bell sender[max_databases];
};

Bells *bells = nullptr;

/* what the running transaction has to ring */
Rings wanted;

void
attach_bells(void *memory, bool is_new)
{
	bells = static_cast<Bells *>(memory);
	if (is_new)
		SpinLockInit(&bells->lock);
}

SharedPart part("pg_whatsapp bells", sizeof(Bells), attach_bells);

void
ring_worker(Role role)
{
	if (Latch *latch = find_worker(role, MyDatabaseId).latch)
		SetLatch(latch);
}

void
ring_sender(std::int64_t due)
{
	const SeatedWorker sender = find_worker(Role::sender, MyDatabaseId);
	if (sender.latch == nullptr)
		return;
	SpinLockAcquire(&bells->lock);
	Bell &bell = bells->sender[sender.place];
	bell.rung.due = Min(bell.rung.due, due);
	SpinLockRelease(&bells->lock);
	SetLatch(sender.latch);
}

void
ring_launcher()
{
	SpinLockAcquire(&bells->lock);
	bells->attaches++;
	SpinLockRelease(&bells->lock);
	if (Latch *latch = find_worker(Role::launcher, InvalidOid).latch)
		SetLatch(latch);
}

/* Called before this commit is flushed. It wakes a sender that has slept, which takes about as long
 * to get going as the flush takes. One that is awake, or was a moment ago, is left alone. */
void
announce_commit()
{
	if (!wanted.sender || bells == nullptr)
		return;
	const SeatedWorker sender = find_worker(Role::sender, MyDatabaseId);
	if (sender.latch == nullptr)
		return;
	const TimestampTz now = GetCurrentTimestamp();
	SpinLockAcquire(&bells->lock);
	Bell &bell = bells->sender[sender.place];
	const bool slept = now - bell.listened_at >= rest_us;
	if (slept)
		bell.rung.announced = Min(bell.rung.announced, wanted.due);
	SpinLockRelease(&bells->lock);
	if (slept)
		SetLatch(sender.latch);
}

/* When an apply worker commits what it has prepared before, the transaction that ends here has
 * written nothing itself: so it rings whatever this worker kept. */
void
ring_at_end(bool committed)
{
	const Rings rings = wanted;
	wanted = {};
	if (committed)
		ring_now(rings);
	if (committed && IsLogicalWorker())
		ring_now(unnamed_rings());
}

void
keep_prepared()
{
	keep_rings(wanted);
}

TransactionEnd at_end(announce_commit, ring_at_end, keep_prepared);

} // namespace

void
wake_sender_at_commit(std::int64_t due)
{
	wanted.sender = true;
	wanted.due = Min(wanted.due, due);
}

void
wake_listener_at_commit()
{
	wanted.listener = true;
}

void
wake_reader_at_commit()
{
	wanted.reader = true;
}

void
wake_clerk_at_commit()
{
	wanted.clerk = true;
}

void
wake_launcher_at_commit()
{
	wanted.launcher = true;
}

void
ring_listener()
{
	ring_worker(Role::listener);
}

void
ring_now(const Rings &rings)
{
	if (bells == nullptr)
		return;
	if (rings.sender)
		ring_sender(rings.due);
	if (rings.listener)
		ring_worker(Role::listener);
	if (rings.reader)
		ring_worker(Role::reader);
	if (rings.clerk)
		call_clerk();
	if (rings.launcher)
		ring_launcher();
}

void
reset_rung(int place)
{
	SpinLockAcquire(&bells->lock);
	bells->sender[place].rung = {any_due, no_due};
	SpinLockRelease(&bells->lock);
}

Rung
take_rung(int place)
{
	const TimestampTz now = GetCurrentTimestamp();
	SpinLockAcquire(&bells->lock);
	Bell &bell = bells->sender[place];
	const Rung rung = bell.rung;
	bell.rung = {no_due, no_due};
	bell.listened_at = now;
	SpinLockRelease(&bells->lock);
	if (rung.announced != no_due)
		ereport(DEBUG2, (errmsg_internal("a commit with messages is announced")));
	return rung;
}

unsigned
attach_count()
{
	SpinLockAcquire(&bells->lock);
	const unsigned count = bells->attaches;
	SpinLockRelease(&bells->lock);
	return count;
}

} // namespace whatsapp::pg
