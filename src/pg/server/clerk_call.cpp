/*
 * clerk_call.cpp — a list in shared memory. A call that finds no place, and one that a restart of
 * the server forgets, is made again by the reader (pg/requests/requests.hpp).
 */
#include "pg/server/clerk_call.hpp"

#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

struct Calls {
	slock_t lock;
	Oid database[max_databases]; /* InvalidOid: free */
};

Calls *calls = nullptr;

void
attach_calls(void *memory, bool is_new)
{
	calls = static_cast<Calls *>(memory);
	if (is_new)
		SpinLockInit(&calls->lock);
}

SharedPart part("pg_whatsapp clerk calls", sizeof(Calls), attach_calls);

} // namespace

void
note_clerk_call()
{
	Oid *free = nullptr;
	bool noted = false;
	SpinLockAcquire(&calls->lock);
	for (Oid &one : calls->database) {
		noted |= one == MyDatabaseId;
		if (one == InvalidOid && free == nullptr)
			free = &one;
	}
	if (!noted && free != nullptr)
		*free = MyDatabaseId;
	SpinLockRelease(&calls->lock);
}

void
call_clerk()
{
	if (calls == nullptr)
		return;
	note_clerk_call();
	Latch *latch = find_worker(Role::clerk, MyDatabaseId).latch;
	if (latch == nullptr)
		latch = find_worker(Role::launcher, InvalidOid).latch;
	if (latch != nullptr)
		SetLatch(latch);
}

bool
clerk_called(Oid database)
{
	bool called = false;
	SpinLockAcquire(&calls->lock);
	for (const Oid one : calls->database)
		called |= one == database;
	SpinLockRelease(&calls->lock);
	return called;
}

void
forget_clerk_call()
{
	SpinLockAcquire(&calls->lock);
	for (Oid &one : calls->database)
		if (one == MyDatabaseId)
			one = InvalidOid;
	SpinLockRelease(&calls->lock);
}

} // namespace whatsapp::pg
