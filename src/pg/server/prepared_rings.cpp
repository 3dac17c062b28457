/*
 * prepared_rings.cpp — a small table under a spinlock.
 */
#include "pg/server/prepared_rings.hpp"

#include "pg/server/shared_memory.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction_end.hpp"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr PreparedName unnamed = 0;

struct Kept {
	Oid database; /* InvalidOid: free */
	TransactionId transaction;
	PreparedName name;
	Rings rings;
};

struct AllKept {
	slock_t lock;
	int count; /* when it is 0, which is read without the lock, there is nothing to look for */
	Kept kept[max_prepared_rings];
};

AllKept *all = nullptr;
PreparedName own_name = unnamed;

void
attach_kept(void *memory, bool is_new)
{
	all = static_cast<AllKept *>(memory);
	if (is_new)
		SpinLockInit(&all->lock);
}

SharedPart part("pg_whatsapp prepared", sizeof(AllKept), attach_kept);

void
forget_name(bool)
{
	own_name = unnamed;
}

TransactionEnd at_end(nullptr, forget_name);

void
keep_entry(const Kept &entry)
{
	SpinLockAcquire(&all->lock);
	for (Kept &one : all->kept)
		if (one.database == InvalidOid) {
			one = entry;
			all->count++;
			break;
		}
	SpinLockRelease(&all->lock);
}

bool
drop_kept(Oid database, TransactionId transaction, PreparedName name)
{
	bool found = false;
	SpinLockAcquire(&all->lock);
	for (Kept &one : all->kept)
		if (one.database == database && one.transaction == transaction && one.name == name) {
			one.database = InvalidOid;
			all->count--;
			found = true;
			break;
		}
	SpinLockRelease(&all->lock);
	return found;
}

/* Those of this database. */
int
copy_kept(Kept *copy)
{
	int count = 0;
	SpinLockAcquire(&all->lock);
	for (const Kept &one : all->kept)
		if (one.database == MyDatabaseId)
			copy[count++] = one;
	SpinLockRelease(&all->lock);
	return count;
}

} // namespace

PreparedName
prepared_name(const char *gid)
{
	const auto *bytes = reinterpret_cast<const unsigned char *>(gid);
	const PreparedName name = hash_bytes_extended(bytes, static_cast<int>(strlen(gid)), 0);
	return name == unnamed ? 1 : name;
}

void
name_transaction(PreparedName name)
{
	own_name = name;
}

void
keep_rings(const Rings &rings)
{
	if (all != nullptr &&
	    (rings.sender || rings.listener || rings.reader || rings.clerk || rings.launcher))
		keep_entry({MyDatabaseId, GetTopTransactionIdIfAny(), own_name, rings});
}

bool
take_rings(PreparedName name, Rings &rings)
{
	bool found = false;
	if (all == nullptr || all->count == 0)
		return false;
	SpinLockAcquire(&all->lock);
	for (Kept &one : all->kept)
		if (one.database == MyDatabaseId && one.name == name) {
			rings = one.rings;
			one.database = InvalidOid;
			all->count--;
			found = true;
			break;
		}
	SpinLockRelease(&all->lock);
	return found;
}

Rings
unnamed_rings()
{
	Rings rings;
	if (all == nullptr || all->count == 0)
		return rings;
	SpinLockAcquire(&all->lock);
	for (const Kept &one : all->kept)
		if (one.database == MyDatabaseId && one.name == unnamed) {
			rings.sender |= one.rings.sender;
			rings.due = Min(rings.due, one.rings.due);
			rings.listener |= one.rings.listener;
			rings.reader |= one.rings.reader;
			rings.clerk |= one.rings.clerk;
		}
	SpinLockRelease(&all->lock);
	return rings;
}

bool
compare_prepared_rings()
{
	static Statement statement = {
	    "SELECT p.transaction, p.gid FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = current_database()",
	    0,
	    {}};
	static bool compared = false;
	if (compared && all->count == 0)
		return false;
	/* before the look: what is prepared after it must not be taken for what has ended */
	auto *kept = static_cast<Kept *>(palloc(sizeof(Kept) * max_prepared_rings));
	const int count = copy_kept(kept);
	const Result prepared = run_statement(statement, Values());
	bool unheard = false;
	for (int i = 0; i < count; i++) {
		bool alive = false;
		for (uint64 k = 0; k < prepared.count() && !alive; k++)
			alive = DatumGetTransactionId(prepared.datum_at(k, 1, XIDOID)) == kept[i].transaction;
		if (!alive && drop_kept(kept[i].database, kept[i].transaction, kept[i].name))
			unheard |= kept[i].name == unnamed;
	}
	/* nobody knows what those wrote that are older than this server's start */
	for (uint64 k = 0; !compared && k < prepared.count(); k++) {
		const TransactionId transaction = DatumGetTransactionId(prepared.datum_at(k, 1, XIDOID));
		bool known = false;
		for (int i = 0; i < count && !known; i++)
			known = kept[i].transaction == transaction;
		if (known)
			continue;
		Rings rings;
		rings.sender = rings.listener = rings.reader = rings.clerk = true;
		rings.due = any_due;
		keep_entry({MyDatabaseId, transaction, prepared_name(prepared.text_at(k, 2)), rings});
	}
	compared = true;
	return unheard;
}

} // namespace whatsapp::pg
