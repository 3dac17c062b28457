/*
 * seats.cpp — a small table under a spinlock.
 */
#include "pg/server/seats.hpp"

#include <initializer_list>

#include "pg/server/shared_memory.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

struct Seat {
	int pid; /* 0: free */
	Oid database;
	Latch *latch; /* of the PGPROC, which lies in shared memory at the same address in every process
	                 and is never freed */
	Farewell farewell;
};

constexpr int roles = 5;

struct Seats {
	slock_t lock;
	Seat seat[roles][max_databases];
};

Seats *seats = nullptr;
Seat *own_seat = nullptr;

void
attach_seats(void *memory, bool is_new)
{
	seats = static_cast<Seats *>(memory);
	if (is_new)
		SpinLockInit(&seats->lock);
}

SharedPart part("pg_whatsapp seats", sizeof(Seats), attach_seats);

Seat &
seat_of(Role role, int place)
{
	return seats->seat[static_cast<int>(role)][place];
}

extern "C" void
withdraw_own_seat(int, Datum)
{
	SpinLockAcquire(&seats->lock);
	if (own_seat->pid == MyProcPid) {
		own_seat->pid = 0;
		own_seat->latch = nullptr;
	}
	SpinLockRelease(&seats->lock);
}

} // namespace

void
take_seat(Role role, int place, Oid database)
{
	own_seat = &seat_of(role, place);
	SpinLockAcquire(&seats->lock);
	*own_seat = {MyProcPid, database, MyLatch, {Farewell::none, 0}};
	SpinLockRelease(&seats->lock);
	before_shmem_exit(withdraw_own_seat, 0);
}

void
say_farewell(Role role, int place, Farewell farewell)
{
	SpinLockAcquire(&seats->lock);
	seat_of(role, place).farewell = farewell;
	SpinLockRelease(&seats->lock);
}

Farewell
take_farewell(Role role, int place)
{
	SpinLockAcquire(&seats->lock);
	const Farewell farewell = seat_of(role, place).farewell;
	seat_of(role, place).farewell = {Farewell::none, 0};
	SpinLockRelease(&seats->lock);
	return farewell;
}

bool
seat_taken(Role role, int place)
{
	SpinLockAcquire(&seats->lock);
	const bool taken = seat_of(role, place).pid != 0;
	SpinLockRelease(&seats->lock);
	return taken;
}

SeatedWorker
find_worker(Role role, Oid database)
{
	SeatedWorker found = {-1, nullptr};
	if (seats == nullptr)
		return found;
	SpinLockAcquire(&seats->lock);
	for (int i = 0; i < max_databases && found.latch == nullptr; i++) {
		const Seat &seat = seat_of(role, i);
		if (seat.pid != 0 && seat.database == database)
			found = {i, seat.latch};
	}
	SpinLockRelease(&seats->lock);
	return found;
}

int
find_worker_pids(Oid database, int (&pids)[max_worker_pids])
{
	int count = 0;
	SpinLockAcquire(&seats->lock);
	for (const Role role : {Role::sender, Role::listener, Role::reader, Role::clerk})
		for (int i = 0; i < max_databases; i++) {
			const Seat &seat = seat_of(role, i);
			if (seat.pid != 0 && seat.database == database)
				pids[count++] = seat.pid;
		}
	SpinLockRelease(&seats->lock);
	return count;
}

} // namespace whatsapp::pg
