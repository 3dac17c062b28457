/*
 * table_stamp.cpp — a hash over the places of all rows, and over the transactions that wrote them:
 * a row that was changed has another place, or another transaction.
 */
#include "pg/rows/table_stamp.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

std::uint64_t
stamp_of(Relation table)
{
	std::uint64_t value = RelationGetRelid(table);
	TableScanDesc scan = table_beginscan(table, GetActiveSnapshot(), 0, nullptr);
	while (HeapTuple row = heap_getnext(scan, ForwardScanDirection)) {
		const std::uint64_t place =
		    static_cast<std::uint64_t>(ItemPointerGetBlockNumber(&row->t_self)) << 16 |
		    ItemPointerGetOffsetNumber(&row->t_self);
		value = hash_combine64(value, place);
		value = hash_combine64(value, HeapTupleHeaderGetRawXmin(row->t_data));
		value = hash_combine64(value, HeapTupleHeaderGetRawCommandId(row->t_data));
	}
	table_endscan(scan);
	return value;
}

} // namespace

bool
has_changed(TableStamp &stamp)
{
	const Oid oid = find_own_table(stamp.table);
	if (!OidIsValid(oid))
		return true;
	Relation table = table_open(oid, AccessShareLock);
	std::uint64_t value = 0;
	if (table->rd_rel->relkind == RELKIND_RELATION && table->rd_rel->relam == HEAP_TABLE_AM_OID) {
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		value = stamp_of(table);
		PopActiveSnapshot();
	}
	table_close(table, NoLock);
	const bool changed = value == 0 || value != stamp.value;
	stamp.value = value;
	return changed;
}

} // namespace whatsapp::pg
