/*
 * shmem.cpp — one small table under one spinlock; the bell is the server's own latch of the
 * process.
 */
#include "pg/shmem.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

struct Seat {
	int pid;
	Oid database;
	Latch *latch; /* of the PGPROC, which lies in shared memory at the same address in every process
	                 and is never freed */
	Farewell farewell;
};

struct Shared {
	slock_t lock;
	unsigned attaches; /* CREATE EXTENSION commits so far */
	Seat launcher;
	Seat senders[max_databases];
	Seat listeners[max_databases];
};

Shared *shared = nullptr;
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

/* set by an enqueue of the running transaction, taken at its commit */
bool sender_bell = false;
bool launcher_bell = false;

Seat *my_seat = nullptr;

Seat &
seat(Role role, int place)
{
	switch (role) {
	case Role::sender:
		return shared->senders[place];
	case Role::listener:
		return shared->listeners[place];
	case Role::launcher:
		break;
	}
	return shared->launcher;
}

extern "C" void
request_shmem()
{
	if (previous_request != nullptr)
		previous_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
}

extern "C" void
startup_shmem()
{
	if (previous_startup != nullptr)
		previous_startup();
	bool found;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = static_cast<Shared *>(ShmemInitStruct("pg_whatsapp", sizeof(Shared), &found));
	if (!found) {
		memset(static_cast<void *>(shared), 0, sizeof *shared);
		SpinLockInit(&shared->lock);
	}
	LWLockRelease(AddinShmemInitLock);
}

extern "C" void
withdraw(int, Datum)
{
	SpinLockAcquire(&shared->lock);
	if (my_seat->pid == MyProcPid) {
		my_seat->pid = 0;
		my_seat->latch = nullptr;
	}
	SpinLockRelease(&shared->lock);
}

Latch *
sender_latch()
{
	Latch *latch = nullptr;
	SpinLockAcquire(&shared->lock);
	for (const Seat &one : shared->senders)
		if (one.pid != 0 && one.database == MyDatabaseId)
			latch = one.latch;
	SpinLockRelease(&shared->lock);
	return latch;
}

Latch *
note_attach()
{
	SpinLockAcquire(&shared->lock);
	shared->attaches++;
	Latch *latch = shared->launcher.latch;
	SpinLockRelease(&shared->lock);
	return latch;
}

/* PREPARE TRANSACTION drops the bell too: the process that commits it later fires no callback, and
 * the sender's poll finds the rows. */
extern "C" void
at_transaction_end(XactEvent event, void *)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	const bool ring_sender = sender_bell && event == XACT_EVENT_COMMIT;
	const bool ring_launcher = launcher_bell && event == XACT_EVENT_COMMIT;
	sender_bell = launcher_bell = false;
	if (shared == nullptr)
		return;
	Latch *latch;
	if (ring_sender && (latch = sender_latch()) != nullptr)
		SetLatch(latch);
	if (ring_launcher && (latch = note_attach()) != nullptr)
		SetLatch(latch);
}

} // namespace

void
install_shmem_hooks()
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

void
install_commit_callback()
{
	RegisterXactCallback(at_transaction_end, nullptr);
}

bool
preloaded()
{
	return shared != nullptr;
}

void
enroll(Role role, int place, unsigned database_oid)
{
	my_seat = &seat(role, place);
	SpinLockAcquire(&shared->lock);
	my_seat->pid = MyProcPid;
	my_seat->database = database_oid;
	my_seat->latch = MyLatch;
	my_seat->farewell = {Farewell::none, 0};
	SpinLockRelease(&shared->lock);
	before_shmem_exit(withdraw, 0);
}

void
say_farewell(Role role, int place, Farewell farewell)
{
	SpinLockAcquire(&shared->lock);
	seat(role, place).farewell = farewell;
	SpinLockRelease(&shared->lock);
}

Farewell
take_farewell(Role role, int place)
{
	SpinLockAcquire(&shared->lock);
	const Farewell farewell = seat(role, place).farewell;
	seat(role, place).farewell = {Farewell::none, 0};
	SpinLockRelease(&shared->lock);
	return farewell;
}

bool
seat_taken(Role role, int place)
{
	SpinLockAcquire(&shared->lock);
	const bool taken = seat(role, place).pid != 0;
	SpinLockRelease(&shared->lock);
	return taken;
}

unsigned
attach_count()
{
	SpinLockAcquire(&shared->lock);
	const unsigned count = shared->attaches;
	SpinLockRelease(&shared->lock);
	return count;
}

void
wake_sender_at_commit()
{
	sender_bell = true;
}

void
wake_launcher_at_commit()
{
	launcher_bell = true;
}

} // namespace whatsapp::pg
