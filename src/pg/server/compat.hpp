/*
 * compat.hpp — the only file that asks for the server's version. Wrappers have the newest
 * signature.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/primnodes.h"
#include "storage/latch.h"
#include "storage/proc.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
/* 16 (commit d952373a9) took it out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

#if PG_VERSION_NUM < 150000
#error "pg_whatsapp needs PostgreSQL 15 or newer"
#endif

/* 18 (commit 9324c8c58) shows an extension's own name and version in pg_get_loaded_modules(). */
#if PG_VERSION_NUM >= 180000
#define PG_WHATSAPP_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "pg_whatsapp", .version = PG_WHATSAPP_VERSION)
#else
#define PG_WHATSAPP_MODULE_MAGIC PG_MODULE_MAGIC
#endif

namespace whatsapp::pg
{

/* 16 has triggers of TRUNCATE on foreign tables. */
inline constexpr bool foreign_tables_tell_truncate = PG_VERSION_NUM >= 160000;

/* 17 (commit 50c67c201) gave the set a resource owner instead of a memory context; without one it
 * lives as long as the process. */
inline WaitEventSet *
create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(nullptr, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* 17 (commit c9af054653) lets an extension name its wait events. */
inline uint32
wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	(void)name;
	return PG_WAIT_EXTENSION;
#endif
}

/* 16 (commit 19d8e2308) lets updates pass over summarizing indexes. */
inline void
insert_index_entries(ResultRelInfo *result, TupleTableSlot *slot, EState *state,
                     bool summarizing_only = false)
{
#if PG_VERSION_NUM >= 160000
	(void)ExecInsertIndexTuples(result, slot, state, false, false, nullptr, NIL, summarizing_only);
#else
	(void)summarizing_only;
	(void)ExecInsertIndexTuples(result, slot, state, false, false, nullptr, NIL);
#endif
}

/* 16 (commit afbfc02983) has one such function for all kinds of objects. */
inline bool
may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

enum class IndexChange : char { none, all, summarizing };

/* 16 (commit 19d8e2308), as above. False when somebody else has changed the tuple, whom it waits
 * for. */
inline bool
update_tuple(Relation relation, ItemPointerData *place, TupleTableSlot *slot, Snapshot snapshot,
             IndexChange &indexes)
{
	TM_FailureData failure;
	LockTupleMode mode;
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes change = TU_None;
#else
	bool change = false;
#endif
	const TM_Result done =
	    table_tuple_update(relation, place, slot, GetCurrentCommandId(true), snapshot,
	                       InvalidSnapshot, true, &failure, &mode, &change);
#if PG_VERSION_NUM >= 160000
	indexes = change == TU_None  ? IndexChange::none
	          : change == TU_All ? IndexChange::all
	                             : IndexChange::summarizing;
#else
	indexes = change ? IndexChange::all : IndexChange::none;
#endif
	return done == TM_Ok;
}

/* 18 (commit 0fbceae84) counts index searches for EXPLAIN. */
inline IndexScanDesc
begin_index_scan(Relation relation, Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(relation, index, snapshot, nullptr, keys, 0);
#else
	return index_beginscan(relation, index, snapshot, keys, 0);
#endif
}

/* 17 (commit ab355e3a8) put the number into a structure of its own. */
inline LocalTransactionId
local_transaction()
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* 15.4 (commit c66a7d75e) marks a database whose DROP DATABASE was interrupted. */
inline constexpr int connection_limit_of_invalid = -2;

/* 16 (commit afbfc0298) made one function of the many that ask for an owner. */
inline bool
owns_database(Oid database)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, GetUserId());
#else
	return pg_database_ownercheck(database, GetUserId());
#endif
}

/* 16 (commit afbfc0298), as above. */
inline bool
owns_table(Oid table)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, table, GetUserId());
#else
	return pg_class_ownercheck(table, GetUserId());
#endif
}

/* A walker of query trees, as the server's functions take it: before version 16 they declare it
 * without its arguments. */
#if PG_VERSION_NUM >= 160000
using TreeWalker = bool (*)(Node *, void *);
#else
using TreeWalker = bool (*)();
#endif

inline TreeWalker
tree_walker(bool (*walker)(Node *, void *))
{
	return reinterpret_cast<TreeWalker>(reinterpret_cast<void (*)()>(walker));
}

/* 16 (commit 7081ac46a) has JSON_OBJECT() and JSON_ARRAY() as nodes of their own. */
inline bool
is_json_constructor(const Node *node)
{
#if PG_VERSION_NUM >= 160000
	return IsA(node, JsonConstructorExpr);
#else
	(void)node;
	return false;
#endif
}

} // namespace whatsapp::pg
