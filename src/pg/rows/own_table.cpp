/*
 * own_table.cpp — what is remembered of our tables, and the callbacks by which the server says that
 * it may be wrong.
 *
 * A subtransaction that rolls back gives up its locks, and its number never comes again within the
 * transaction: so the two numbers together say for certain whether a lock is still held.
 */
#include "pg/rows/own_table.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/schema.hpp"

extern "C" {
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace whatsapp::pg
{

namespace
{

OwnTable *known_tables = nullptr;

extern "C" void
own_table_changed(Datum, Oid relation)
{
	for (OwnTable *table = known_tables; table != nullptr; table = table->next)
		if (relation == InvalidOid || relation == table->relation) {
			table->relation = InvalidOid;
			table->changes++;
		}
}

extern "C" void
roles_changed(Datum, int, uint32)
{
	for (OwnTable *table = known_tables; table != nullptr; table = table->next)
		table->changes++;
}

void
enrol_table(OwnTable &table)
{
	if (known_tables == nullptr) {
		CacheRegisterRelcacheCallback(own_table_changed, 0);
		CacheRegisterSyscacheCallback(AUTHOID, roles_changed, 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, 0);
	}
	table.next = known_tables;
	known_tables = &table;
}

} // namespace

Oid
find_own_table(OwnTable &table)
{
	if (OidIsValid(table.relation) && table.schema == schema_oid())
		return table.relation;
	/* a table that comes here for the first time is not in the list yet */
	if (table.changes == 0)
		enrol_table(table);
	table.changes++;
	table.transaction = InvalidLocalTransactionId;
	table.schema = schema_oid();
	table.relation = get_relname_relid(table.name, table.schema);
	return table.relation;
}

bool
is_new_here(const OwnTable &table)
{
	return table.transaction != local_transaction() ||
	       table.subtransaction != GetCurrentSubTransactionId();
}

void
note_locked(OwnTable &table)
{
	table.transaction = local_transaction();
	table.subtransaction = GetCurrentSubTransactionId();
}

bool
has_pages(OwnTable &table)
{
	Relation relation =
	    table_open(find_own_table(table), is_new_here(table) ? AccessShareLock : NoLock);
	const bool has = RelationGetNumberOfBlocks(relation) > 0;
	note_locked(table);
	table_close(relation, NoLock);
	return has;
}

bool
has_rules(OwnTable &table)
{
	const Oid oid = find_own_table(table);
	if (!OidIsValid(oid))
		return false;
	Relation relation = table_open(oid, AccessShareLock);
	const bool has = relation->rd_rules != nullptr;
	table_close(relation, NoLock);
	return has;
}

} // namespace whatsapp::pg
