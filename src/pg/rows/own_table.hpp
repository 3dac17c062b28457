/*
 * own_table.hpp — a table of ours, found by its name once and locked once per transaction.
 *
 * An enqueue touches four tables and four indexes. To find, lock and release them anew for each
 * message costs as much as to write it. The server keeps a lock until the transaction ends and
 * tells us when a relation changes: so neither has to be asked for again in between.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "storage/lock.h"
#include "utils/rel.h"
}

namespace whatsapp::pg
{

/* To be a static object. Each of them is always opened with the same lock. */
struct OwnTable {
	const char *name;
	Oid schema = InvalidOid;
	Oid relation = InvalidOid;
	/* grows whenever what was learnt of the table may be wrong: it changed, or somebody's rights */
	unsigned changes = 0;
	/* in which transaction and subtransaction its lock was taken */
	LocalTransactionId transaction = InvalidLocalTransactionId;
	SubTransactionId subtransaction = InvalidSubTransactionId;
	OwnTable *next = nullptr;

	explicit constexpr OwnTable(const char *its_name) : name(its_name) {}
};

/* The Oid of the table of that name in schema_oid(); InvalidOid when there is none. */
Oid find_own_table(OwnTable &table);

/* True when the running subtransaction has not locked the table yet. Indexes that are always opened
 * together with the table have then to be locked, too. */
bool is_new_here(const OwnTable &table);
void note_locked(OwnTable &table);

/* Whether it has had a row since it was made or truncated: a cheap check before a look-up. For a
 * table whose lock is AccessShareLock. */
bool has_pages(OwnTable &table);

/* Whether a user has made a rule on it. */
bool has_rules(OwnTable &table);

} // namespace whatsapp::pg
