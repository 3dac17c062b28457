/*
 * clearance.cpp — a list in shared memory of who keeps what clear.
 */
#include "pg/server/clearance.hpp"

#include <csignal>

#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/transaction_end.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

/* A backend that runs a command on a whole database. */
struct Clearance {
	int pid; /* 0: free */
	Oid database;
};

struct Clearances {
	slock_t lock;
	Clearance clearance[max_databases];
};

Clearances *clearances = nullptr;
/* this process has one */
bool keeping_clear = false;
/* the subtransaction that took it */
SubTransactionId keeper = InvalidSubTransactionId;

void
attach_clearances(void *memory, bool is_new)
{
	clearances = static_cast<Clearances *>(memory);
	if (is_new)
		SpinLockInit(&clearances->lock);
}

SharedPart part("pg_whatsapp clearances", sizeof(Clearances), attach_clearances);

void
end_clearance(bool)
{
	if (!keeping_clear)
		return;
	keeping_clear = false;
	SpinLockAcquire(&clearances->lock);
	for (Clearance &one : clearances->clearance)
		if (one.pid == MyProcPid)
			one = {0, InvalidOid};
	SpinLockRelease(&clearances->lock);
	/* it starts them again */
	if (Latch *latch = find_worker(Role::launcher, InvalidOid).latch)
		SetLatch(latch);
}

TransactionEnd at_end(nullptr, end_clearance);

/* Numbers of subtransactions grow, so one with a greater number than the one that ends was begun
 * within it. */
extern "C" void
at_subtransaction_end(SubXactEvent event, SubTransactionId ending, SubTransactionId, void *)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && keeping_clear && keeper >= ending)
		end_clearance(false);
}

/* True when one was there. */
bool
end_workers(Oid database)
{
	int pids[max_worker_pids];
	const int count = find_worker_pids(database, pids);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	return count > 0;
}

} // namespace

void
send_workers_away(Oid database)
{
	if (clearances == nullptr)
		return;
	static bool watching = false;
	if (!watching)
		RegisterSubXactCallback(at_subtransaction_end, nullptr);
	watching = true;
	keeper = GetCurrentSubTransactionId();
	SpinLockAcquire(&clearances->lock);
	for (Clearance &one : clearances->clearance)
		if (one.pid == 0) {
			one = {MyProcPid, database};
			keeping_clear = true;
			break;
		}
	SpinLockRelease(&clearances->lock);

	/* they leave within their drain time; a worker that is just starting may have missed the
	 * signal, so it is repeated */
	while (end_workers(database)) {
		CHECK_FOR_INTERRUPTS();
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

bool
kept_clear(Oid database)
{
	bool clear = false;
	SpinLockAcquire(&clearances->lock);
	for (const Clearance &one : clearances->clearance)
		clear |= one.pid != 0 && one.database == database;
	SpinLockRelease(&clearances->lock);
	return clear;
}

} // namespace whatsapp::pg
