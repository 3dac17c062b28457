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

/* A static, always opened with the same lock. */
struct OwnTable {
	const char *name;
	Oid schema = InvalidOid;
	Oid relation = InvalidOid;
	/* grows whenever what was learnt of the table may be wrong: it changed, or somebody's rights */
	unsigned changes = 0;
	/* where its lock was taken */
	LocalTransactionId transaction = InvalidLocalTransactionId;
	SubTransactionId subtransaction = InvalidSubTransactionId;
	OwnTable *next = nullptr;

	explicit constexpr OwnTable(const char *its_name) : name(its_name) {}
};

/* Its number in schema_oid(), or InvalidOid. */
Oid find_own_table(OwnTable &table);

/* The lock is still to be taken: the running subtransaction has not had the table yet. It tells
 * about the indexes, too, where they are always opened together with the table. */
bool is_new_here(const OwnTable &table);
void note_locked(OwnTable &table);

/* Whether it has ever had a row, since it was made or truncated: a cheap look before a look-up. Its
 * lock is AccessShareLock. */
bool has_pages(OwnTable &table);

/* Whether a user has made a rule on it. */
bool has_rules(OwnTable &table);

} // namespace whatsapp::pg
