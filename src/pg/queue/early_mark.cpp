/*
 * early_mark.cpp — a desk for each sender, where sessions take slots and leave the numbers of their
 * messages.
 */
#include "pg/queue/early_mark.hpp"

#include <algorithm>

#include "pg/server/fault_point.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/queue/queue.hpp"
#include "pg/server/shmem.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* those of a life of the sender, and those of the life before it */
constexpr int most_marks = 2 * most_early_marks;

struct Desk {
	Oid database; /* stays when the sender leaves: who holds a slot still has to say how it ended */
	Oid queue;    /* that table: an extension that was dropped and made anew has another one */
	unsigned life;
	std::int64_t epoch;
	int offered;
	int held; /* by transactions that have not ended, in this life */
	int count;
	EarlyMark marked[most_marks];
	std::int64_t due; /* of the earliest */
};

struct Desks {
	slock_t lock;
	Desk desk[max_databases];
};

Desks *desks = nullptr;

/* What the running transaction has made, and its slot. */
struct Made {
	int messages;
	std::int64_t id;
	std::uint64_t address;
	std::int64_t due;
	int desk; /* -1: no slot */
	Oid queue;
	unsigned life;
	std::int64_t epoch;
	bool marked;
};
constexpr Made nothing = {0, 0, 0, 0, -1, InvalidOid, 0, 0, false};
Made made = nothing;

EarlyMark taken[most_marks];
std::size_t taken_count = 0;

/* The next sender puts back what this one took and has not sent. */
extern "C" void
leave_desk(int, Datum place)
{
	SpinLockAcquire(&desks->lock);
	Desk &desk = desks->desk[DatumGetInt32(place)];
	desk.offered = 0;
	while (taken_count > 0 && desk.count < most_marks)
		desk.marked[desk.count++] = taken[--taken_count];
	SpinLockRelease(&desks->lock);
}

/* Whoever sees the commit may take it for lasting: the sender writes nothing more whose flush, or
 * whose way to a standby, would make it so. */
bool
commit_will_last()
{
	return synchronous_commit >= SYNCHRONOUS_COMMIT_LOCAL_FLUSH &&
	       (SyncRepStandbyNames == nullptr || *SyncRepStandbyNames == '\0');
}

} // namespace

std::size_t
early_mark_space()
{
	return MAXALIGN(sizeof(Desks));
}

void
attach_early_marks()
{
	bool found;
	desks = static_cast<Desks *>(ShmemInitStruct("pg_whatsapp early marks", sizeof(Desks), &found));
	if (!found) {
		memset(static_cast<void *>(desks), 0, sizeof *desks);
		SpinLockInit(&desks->lock);
	}
}

void
note_new_message(std::int64_t id, std::uint64_t address, std::int64_t due)
{
	made.messages++;
	made.id = id;
	made.address = address;
	made.due = due;
}

void
take_slot()
{
	if (desks == nullptr || made.messages != 1 || made.address == 0 ||
	    made.due > GetCurrentTimestamp() || !commit_will_last())
		return;
	SpinLockAcquire(&desks->lock);
	for (int i = 0; i < max_databases && made.desk < 0; i++) {
		Desk &desk = desks->desk[i];
		if (desk.offered == 0 || desk.database != MyDatabaseId)
			continue;
		desk.offered--;
		desk.held++;
		made.desk = i;
		made.queue = desk.queue;
		made.life = desk.life;
		made.epoch = desk.epoch;
	}
	SpinLockRelease(&desks->lock);
	if (made.desk >= 0)
		ereport(DEBUG2, (errmsg_internal("a slot of the sender is taken before a commit")));
}

void
mark_early()
{
	if (made.desk < 0)
		return;
	MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
	made.marked = mark_own({made.id, made.address}, made.epoch, made.queue);
	MemoryContextSwitchTo(before);
	if (!made.marked)
		return;
	ereport(DEBUG2, (errmsg_internal("a message is marked by its own transaction")));
	fault_point(FaultPoint::message_marked);
}

void
end_early_mark(bool committed)
{
	const Made ended = made;
	made = nothing;
	if (ended.desk < 0)
		return;
	if (committed && ended.marked)
		fault_point(FaultPoint::message_committed);
	SpinLockAcquire(&desks->lock);
	Desk &desk = desks->desk[ended.desk];
	if (desk.life == ended.life)
		desk.held--;
	if (committed && ended.marked && desk.database == MyDatabaseId && desk.queue == ended.queue &&
	    desk.count < most_marks) {
		desk.due = desk.count == 0 ? ended.due : std::min(desk.due, ended.due);
		desk.marked[desk.count++] = {ended.id, ended.epoch};
	}
	SpinLockRelease(&desks->lock);
}

void
open_early_marks(int place)
{
	static OwnTable queue("whatsapp_queue");
	const Oid table = find(queue);
	SpinLockAcquire(&desks->lock);
	Desk &desk = desks->desk[place];
	if (desk.database != MyDatabaseId || desk.queue != table)
		desk.count = 0;
	desk.database = MyDatabaseId;
	desk.queue = table;
	desk.life++;
	desk.offered = desk.held = 0;
	SpinLockRelease(&desks->lock);
	before_shmem_exit(leave_desk, Int32GetDatum(place));
	take_early_marks(place);
}

void
offer_slots(int place, std::int64_t epoch, int slots)
{
	SpinLockAcquire(&desks->lock);
	Desk &desk = desks->desk[place];
	desk.epoch = epoch;
	desk.offered = std::max(0, std::min(slots, most_early_marks) - desk.held - desk.count);
	SpinLockRelease(&desks->lock);
}

Handover
take_early_marks(int place)
{
	SpinLockAcquire(&desks->lock);
	Desk &desk = desks->desk[place];
	desk.offered = 0;
	const Handover handover = {desk.held, desk.count > 0 ? desk.due : no_due};
	while (desk.count > 0 && taken_count < most_marks)
		taken[taken_count++] = desk.marked[--desk.count];
	SpinLockRelease(&desks->lock);
	return handover;
}

bool
any_early_marks()
{
	return taken_count > 0;
}

bool
is_early(std::int64_t id)
{
	return std::any_of(taken, taken + taken_count,
	                   [&](const EarlyMark &mark) { return mark.id == id; });
}

bool
is_early(std::int64_t id, std::int64_t epoch)
{
	return std::any_of(taken, taken + taken_count,
	                   [&](const EarlyMark &mark) { return mark.id == id && mark.epoch == epoch; });
}

const EarlyMark *
early_marks(std::size_t &count)
{
	count = taken_count;
	return taken;
}

void
forget_early_mark(std::int64_t id)
{
	const auto *end = std::remove_if(taken, taken + taken_count,
	                                 [&](const EarlyMark &mark) { return mark.id == id; });
	taken_count = static_cast<std::size_t>(end - taken);
}

void
forget_early_marks()
{
	taken_count = 0;
}

} // namespace whatsapp::pg
