/*
 * row_insert.cpp — a tuple, then its index entries.
 */
#include "pg/rows/row_insert.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
}

namespace whatsapp::pg
{

namespace
{

void
insert_by_executor(Relation relation, HeapTuple tuple)
{
	EState *state = CreateExecutorState();
	MemoryContext before = MemoryContextSwitchTo(state->es_query_cxt);
	auto *result = makeNode(ResultRelInfo);
	InitResultRelInfo(result, relation, 0, nullptr, 0);
	ExecOpenIndices(result, false);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, false);
	slot->tts_tid = tuple->t_self;
	slot->tts_tableOid = RelationGetRelid(relation);
	if (result->ri_NumIndices > 0)
		insert_index_entries(result, slot, state);
	ExecDropSingleTupleTableSlot(slot);
	ExecCloseIndices(result);
	MemoryContextSwitchTo(before);
	FreeExecutorState(state);
}

HeapTuple
form_tuple(Relation relation, const TableShape &shape, const Row &row)
{
	Datum values[MaxHeapAttributeNumber];
	bool nulls[MaxHeapAttributeNumber];
	memset(nulls, true, sizeof(bool) * static_cast<Size>(RelationGetDescr(relation)->natts));
	for (int i = 0; i < shape.count; i++) {
		if (row.nulls[i] && shape.columns[i].not_null)
			ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
			                errmsg("null value in column \"%s\" of relation \"%s\" violates "
			                       "not-null constraint",
			                       shape.columns[i].name, shape.table.name)));
		values[shape.numbers[i] - 1] = row.values[i];
		nulls[shape.numbers[i] - 1] = row.nulls[i];
	}
	return heap_form_tuple(RelationGetDescr(relation), values, nulls);
}

/* Inserts the index entries of rows that lie at these addresses, one index after the other, so that
 * the pages of each stay in the caches. */
void
insert_entries(Relation relation, const TableShape &shape, const Row *rows,
               const ItemPointerData *addresses, int count)
{
	const LOCKMODE lock = is_new_here(shape.table) ? RowExclusiveLock : NoLock;
	for (int i = 0; i < shape.row_indexes; i++) {
		const RowIndex &noted = shape.row_index[i];
		/* this one has been locked before, and the row has no entry in it */
		if (lock == NoLock && count == 1 && noted.present >= 0 && rows->nulls[noted.present])
			continue;
		const IndexUniqueCheck check = noted.info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
		Relation index = index_open(noted.relation, lock);
		for (int j = 0; j < count; j++) {
			if (noted.present >= 0 && rows[j].nulls[noted.present])
				continue;
			Datum values[INDEX_MAX_KEYS];
			bool nulls[INDEX_MAX_KEYS];
			for (int k = 0; k < noted.info->ii_NumIndexAttrs; k++) {
				const int place = noted.place[k];
				nulls[k] = place < 0 || rows[j].nulls[place];
				values[k] = nulls[k] ? Datum(0) : rows[j].values[place];
			}
			ItemPointerData address = addresses[j];
			index_insert(index, values, nulls, &address, relation, check, false, noted.info);
		}
		index_close(index, NoLock);
	}
}

} // namespace

Relation
open_to_insert(TableShape &shape)
{
	const Oid table = find_own_table(shape.table);
	if (!OidIsValid(table) || XactReadOnly)
		return nullptr;
	Relation relation = table_open(table, is_new_here(shape.table) ? RowExclusiveLock : NoLock);
	if (is_as_made(relation, shape, inserts))
		return relation;
	table_close(relation, NoLock);
	return nullptr;
}

void
insert_row(Relation relation, TableShape &shape, const Row &row)
{
	HeapTuple tuple = form_tuple(relation, shape, row);
	heap_insert(relation, tuple, GetCurrentCommandId(true), 0, nullptr);
	if (shape.row_indexes < 0)
		insert_by_executor(relation, tuple);
	else
		insert_entries(relation, shape, &row, &tuple->t_self, 1);
	note_locked(shape.table);
	heap_freetuple(tuple);
}

void
insert_rows(Relation relation, TableShape &shape, const Row *rows, int count)
{
	constexpr int at_once = 64;
	if (shape.row_indexes < 0 || count == 1) {
		for (int i = 0; i < count; i++)
			insert_row(relation, shape, rows[i]);
		return;
	}

	/* a copy, since slots would pin the table's own until somebody drops them */
	TupleDesc columns = CreateTupleDescCopy(RelationGetDescr(relation));
	TupleTableSlot *slots[at_once];
	for (int i = 0; i < Min(count, at_once); i++)
		slots[i] = MakeTupleTableSlot(columns, &TTSOpsHeapTuple);
	auto *addresses = static_cast<ItemPointerData *>(palloc(sizeof(ItemPointerData) * count));
	for (int done = 0; done < count; done += at_once) {
		const int now = Min(count - done, at_once);
		for (int i = 0; i < now; i++)
			ExecStoreHeapTuple(form_tuple(relation, shape, rows[done + i]), slots[i], true);
		heap_multi_insert(relation, slots, now, GetCurrentCommandId(true), 0, nullptr);
		for (int i = 0; i < now; i++)
			addresses[done + i] = slots[i]->tts_tid;
	}
	for (int i = 0; i < Min(count, at_once); i++)
		ExecClearTuple(slots[i]);
	insert_entries(relation, shape, rows, addresses, count);
	note_locked(shape.table);
	pfree(addresses);
}

} // namespace whatsapp::pg
