/*
 * shmem.cpp — one small table under one spinlock; the bell is the server's own latch of the
 * process.
 */
#include "pg/server/shmem.hpp"

#include <csignal>
#include <initializer_list>

#include "pg/identity/restore_hold.hpp"
#include "pg/webhooks/token_question.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* Since it listened last, after which a sender's caches are somebody else's. */
constexpr TimestampTz rest_us = 10000;

struct Seat {
	int pid;
	Oid database;
	Latch *latch; /* of the PGPROC, which lies in shared memory at the same address in every process
	                 and is never freed */
	Farewell farewell;
	Rung rung;               /* since the worker listened last */
	TimestampTz listened_at; /* then */
};

/* A backend that runs a command on a whole database. */
struct Clearance {
	int pid;
	Oid database;
};

struct Shared {
	slock_t lock;
	char restore_id[restore_id_length + 1]; /* written once, before any other process */
	bool promoted[max_databases];           /* born as a standby; see forget_promotion() */
	unsigned attaches;                      /* CREATE EXTENSION commits so far */
	Clearance clearances[max_databases];
	Seat launcher;
	Seat senders[max_databases];
	Seat listeners[max_databases];
	Seat readers[max_databases];
};

Shared *shared = nullptr;
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

/* set by an enqueue of the running transaction, taken at its commit */
bool sender_bell = false;
std::int64_t sender_due = no_due;
bool listener_bell = false;
bool launcher_bell = false;
bool reader_bell = false;
/* this process has a clearance */
bool keeping_clear = false;

Seat *my_seat = nullptr;

Seat &
seat(Role role, int place)
{
	switch (role) {
	case Role::sender:
		return shared->senders[place];
	case Role::listener:
		return shared->listeners[place];
	case Role::reader:
		return shared->readers[place];
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
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(Shared)), question_space()));
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
		note_restore(shared->restore_id);
		for (bool &one : shared->promoted)
			one = is_standby();
	}
	attach_questions();
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

/* Ends the workers of the database; true when one was there. */
bool
end_workers(Oid database)
{
	int pids[3 * max_databases];
	int count = 0;
	SpinLockAcquire(&shared->lock);
	for (const Seat *seats : {shared->senders, shared->listeners, shared->readers})
		for (int i = 0; i < max_databases; i++)
			if (seats[i].pid != 0 && seats[i].database == database)
				pids[count++] = seats[i].pid;
	SpinLockRelease(&shared->lock);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	return count > 0;
}

/* False when this process keeps nothing clear. */
bool
end_clearance()
{
	if (!keeping_clear)
		return false;
	keeping_clear = false;
	SpinLockAcquire(&shared->lock);
	for (Clearance &one : shared->clearances)
		if (one.pid == MyProcPid)
			one = {0, InvalidOid};
	SpinLockRelease(&shared->lock);
	return true;
}

/* Of the worker of this database, NULL for none. */
Latch *
latch_in(const Seat (&seats)[max_databases])
{
	Latch *latch = nullptr;
	SpinLockAcquire(&shared->lock);
	for (const Seat &one : seats)
		if (one.pid != 0 && one.database == MyDatabaseId)
			latch = one.latch;
	SpinLockRelease(&shared->lock);
	return latch;
}

Latch *
note_due(std::int64_t due)
{
	Latch *latch = nullptr;
	SpinLockAcquire(&shared->lock);
	for (Seat &one : shared->senders)
		if (one.pid != 0 && one.database == MyDatabaseId) {
			latch = one.latch;
			one.rung.due = Min(one.rung.due, due);
		}
	SpinLockRelease(&shared->lock);
	return latch;
}

/* NULL when the sender is awake, or just was. */
Latch *
announce(std::int64_t due)
{
	const TimestampTz now = GetCurrentTimestamp();
	Latch *latch = nullptr;
	SpinLockAcquire(&shared->lock);
	for (Seat &one : shared->senders)
		if (one.pid != 0 && one.database == MyDatabaseId && now - one.listened_at >= rest_us) {
			latch = one.latch;
			one.rung.announced = Min(one.rung.announced, due);
		}
	SpinLockRelease(&shared->lock);
	return latch;
}

Latch *
listener_latch()
{
	Latch *latch = nullptr;
	SpinLockAcquire(&shared->lock);
	for (const Seat &one : shared->listeners)
		if (one.pid != 0 && one.database == MyDatabaseId)
			latch = one.latch;
	SpinLockRelease(&shared->lock);
	return latch;
}

Latch *
launcher_latch()
{
	SpinLockAcquire(&shared->lock);
	Latch *latch = shared->launcher.latch;
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

/* Sets flags and latches, and does nothing else: the transaction is somebody else's. An error
 * before its commit would refuse it, one after it would end the server. Hence no ereport, no
 * memory, no lock but a spinlock, no table; test/lint/callbacks reads what is called here.
 *
 * PREPARE TRANSACTION drops the bell too: the process that commits it later fires no callback, and
 * the sender's poll finds the rows. */
extern "C" void
at_transaction_end(XactEvent event, void *)
{
	/* a sender that has slept needs as long to get going as the flush of this commit takes */
	if (event == XACT_EVENT_PRE_COMMIT && sender_bell && shared != nullptr)
		if (Latch *latch = announce(sender_due))
			SetLatch(latch);
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	const bool ring_sender = sender_bell && event == XACT_EVENT_COMMIT;
	const bool ring_inbox = listener_bell && event == XACT_EVENT_COMMIT;
	const bool ring_launcher = launcher_bell && event == XACT_EVENT_COMMIT;
	const bool ring_reader = reader_bell && event == XACT_EVENT_COMMIT;
	const std::int64_t due = sender_due;
	sender_bell = listener_bell = launcher_bell = reader_bell = false;
	sender_due = no_due;
	if (shared == nullptr)
		return;
	Latch *latch;
	if (ring_sender && (latch = note_due(due)) != nullptr)
		SetLatch(latch);
	if (ring_inbox)
		ring_listener();
	withdraw_question();
	if (ring_reader && (latch = latch_in(shared->readers)) != nullptr)
		SetLatch(latch);
	if (ring_launcher && (latch = note_attach()) != nullptr)
		SetLatch(latch);
	if (end_clearance() && (latch = launcher_latch()) != nullptr)
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

const char *
restore_id()
{
	return shared == nullptr ? "" : shared->restore_id;
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
	my_seat->rung = {any_due, no_due};
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

void
send_workers_away(unsigned database_oid)
{
	SpinLockAcquire(&shared->lock);
	for (Clearance &one : shared->clearances)
		if (one.pid == 0) {
			one = {MyProcPid, database_oid};
			keeping_clear = true;
			break;
		}
	SpinLockRelease(&shared->lock);

	/* they leave within their drain time; a worker that is just starting may have missed the
	 * signal, so it is repeated */
	while (end_workers(database_oid)) {
		CHECK_FOR_INTERRUPTS();
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

bool
kept_clear(unsigned database_oid)
{
	bool clear = false;
	SpinLockAcquire(&shared->lock);
	for (const Clearance &one : shared->clearances)
		clear |= one.pid != 0 && one.database == database_oid;
	SpinLockRelease(&shared->lock);
	return clear;
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
wake_sender_at_commit(std::int64_t due)
{
	sender_bell = true;
	sender_due = Min(sender_due, due);
}

Rung
take_rung(int place)
{
	const TimestampTz now = GetCurrentTimestamp();
	SpinLockAcquire(&shared->lock);
	Seat &mine = shared->senders[place];
	const Rung rung = mine.rung;
	mine.rung = {no_due, no_due};
	mine.listened_at = now;
	SpinLockRelease(&shared->lock);
	if (rung.announced != no_due)
		ereport(DEBUG2, (errmsg_internal("a commit with messages is announced")));
	return rung;
}

bool
promoted(int place)
{
	return shared->promoted[place];
}

void
forget_promotion(int place)
{
	shared->promoted[place] = false;
}

void
wake_listener_at_commit()
{
	listener_bell = true;
}

void
ring_listener()
{
	if (shared == nullptr)
		return;
	if (Latch *latch = listener_latch())
		SetLatch(latch);
}

void
wake_launcher_at_commit()
{
	launcher_bell = true;
}

void
wake_reader_at_commit()
{
	reader_bell = true;
}

} // namespace whatsapp::pg
