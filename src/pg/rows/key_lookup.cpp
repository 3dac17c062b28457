/*
 * key_lookup.cpp — one scan of the index, begun anew for each key.
 */
#include "pg/rows/key_lookup.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "nodes/pg_list.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

bool
is_key(Relation index, AttrNumber column)
{
	const Form_pg_index shape = index->rd_index;
	return index->rd_rel->relam == BTREE_AM_OID && shape->indisunique && shape->indisvalid &&
	       shape->indimmediate && shape->indnkeyatts == 1 && shape->indkey.values[0] == column &&
	       RelationGetIndexPredicate(index) == NIL;
}

Relation
open_key(Relation table, AttrNumber column)
{
	if (table->rd_rel->relkind != RELKIND_RELATION)
		return nullptr;
	ListCell *cell;
	foreach (cell, RelationGetIndexList(table)) {
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		if (is_key(index, column))
			return index;
		index_close(index, AccessShareLock);
	}
	return nullptr;
}

} // namespace

bool
begin_lookup(KeyLookup &lookup, Relation table, const char *column, RegProcedure equal)
{
	const AttrNumber number = get_attnum(RelationGetRelid(table), column);
	lookup.index = number == InvalidAttrNumber ? nullptr : open_key(table, number);
	if (lookup.index == nullptr)
		return false;
	lookup.scan = begin_index_scan(table, lookup.index, GetActiveSnapshot(), 1);
	lookup.slot = table_slot_create(table, nullptr);
	lookup.equal = equal;
	return true;
}

bool
look_up(KeyLookup &lookup, Datum key)
{
	ScanKeyData condition;
	ScanKeyInit(&condition, 1, BTEqualStrategyNumber, lookup.equal, key);
	index_rescan(lookup.scan, &condition, 1, nullptr, 0);
	return index_getnext_slot(lookup.scan, ForwardScanDirection, lookup.slot);
}

void
end_lookup(KeyLookup &lookup)
{
	ExecDropSingleTupleTableSlot(lookup.slot);
	index_endscan(lookup.scan);
	index_close(lookup.index, AccessShareLock);
}

} // namespace whatsapp::pg
