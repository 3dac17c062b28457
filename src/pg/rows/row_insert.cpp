/*
 * row_insert.cpp — a tuple, then its index entries.
 */
#include "pg/rows/row_insert.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/schema.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

bool
find_columns(Relation relation, RowShape &shape)
{
	for (int i = 0; i < shape.columns; i++) {
		shape.numbers[i] = get_attnum(RelationGetRelid(relation), shape.names[i]);
		if (shape.numbers[i] == InvalidAttrNumber)
			return false;
	}
	shape.attributes = RelationGetDescr(relation)->natts;
	return true;
}

/* Of the column of that number, in the shape; -1 when it is not set. */
int
place_of(const RowShape &shape, int number)
{
	for (int i = 0; i < shape.columns; i++)
		if (shape.numbers[i] == number)
			return i;
	return -1;
}

bool
sets_column(const RowShape &shape, int number)
{
	return place_of(shape, number) >= 0;
}

/* A column that is left NULL must be one that may be. */
bool
needs_more(Relation relation, const RowShape &shape)
{
	const TupleDesc row = RelationGetDescr(relation);
	for (int i = 0; i < row->natts; i++) {
		const Form_pg_attribute column = TupleDescAttr(row, i);
		if (column->attgenerated != '\0')
			return true;
		if (!column->attisdropped && (column->attnotnull || column->atthasdef) &&
		    !sets_column(shape, i + 1))
			return true;
	}
	return false;
}

bool
has_insert_trigger(const TriggerDesc *triggers)
{
	return triggers != nullptr &&
	       (triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
	        triggers->trig_insert_before_statement || triggers->trig_insert_after_statement);
}

bool
is_plain(Relation relation, RowShape &shape)
{
	const TupleConstr *rules = RelationGetDescr(relation)->constr;
	return relation->rd_rel->relkind == RELKIND_RELATION &&
	       relation->rd_tableam == GetHeapamTableAmRoutine() &&
	       !has_insert_trigger(relation->trigdesc) && !relation->rd_rel->relforcerowsecurity &&
	       (rules == nullptr ? 0 : rules->num_check) == shape.checks &&
	       pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
	       find_columns(relation, shape) && !needs_more(relation, shape);
}

enum class Place : int { none, plain, unknown };

/* Whether a row of this shape has a place in the index: WHERE column IS NOT NULL leaves out a row
 * that does not set the column. */
Place
place_in(Relation index, const IndexInfo &info, const RowShape &shape)
{
	if (info.ii_Predicate != NIL) {
		auto *condition = static_cast<Node *>(linitial(info.ii_Predicate));
		if (list_length(info.ii_Predicate) != 1 || !IsA(condition, NullTest))
			return Place::unknown;
		const auto *test = reinterpret_cast<NullTest *>(condition);
		if (test->nulltesttype != IS_NOT_NULL || test->argisrow || !IsA(test->arg, Var))
			return Place::unknown;
		const int number = reinterpret_cast<Var *>(test->arg)->varattno;
		return number > 0 && !sets_column(shape, number) ? Place::none : Place::unknown;
	}
	for (int i = 0; i < info.ii_NumIndexAttrs; i++)
		if (info.ii_IndexAttrNumbers[i] <= 0)
			return Place::unknown;
	const bool ordinary = index->rd_rel->relam == BTREE_AM_OID && info.ii_ReadyForInserts &&
	                      info.ii_ExclusionOps == nullptr &&
	                      (!info.ii_Unique || index->rd_index->indimmediate);
	return ordinary ? Place::plain : Place::unknown;
}

void
note_index(Relation index, IndexInfo *info, const RowShape &shape, RowIndex &noted)
{
	noted.relation = RelationGetRelid(index);
	noted.info = info;
	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
		noted.place[i] = place_of(shape, info->ii_IndexAttrNumbers[i]);
}

void
learn_indexes(Relation relation, RowShape &shape)
{
	if (shape.memory == nullptr)
		shape.memory = AllocSetContextCreate(TopMemoryContext, "indexes of pg_whatsapp's tables",
		                                     ALLOCSET_SMALL_SIZES);
	MemoryContextReset(shape.memory);
	int count = 0;
	bool known = true;
	List *all = RelationGetIndexList(relation);
	ListCell *cell;
	foreach (cell, all) {
		Relation index = index_open(lfirst_oid(cell), RowExclusiveLock);
		MemoryContext before = MemoryContextSwitchTo(shape.memory);
		IndexInfo *info = BuildIndexInfo(index);
		MemoryContextSwitchTo(before);
		switch (place_in(index, *info, shape)) {
		case Place::none:
			break;
		case Place::plain:
			known = known && count < max_row_indexes;
			if (known)
				note_index(index, info, shape, shape.index[count++]);
			break;
		case Place::unknown:
			known = false;
			break;
		}
		index_close(index, NoLock);
	}
	list_free(all);
	shape.indexes = known ? count : -1;
}

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
form_tuple(Relation relation, const RowShape &shape, const Row &row)
{
	Datum values[MaxHeapAttributeNumber];
	bool nulls[MaxHeapAttributeNumber];
	memset(nulls, true, sizeof(bool) * static_cast<Size>(shape.attributes));
	for (int i = 0; i < shape.columns; i++) {
		values[shape.numbers[i] - 1] = row.values[i];
		nulls[shape.numbers[i] - 1] = row.nulls[i];
	}
	return heap_form_tuple(RelationGetDescr(relation), values, nulls);
}

/* Entries for rows that lie at these addresses, one index after the other: its pages stay warm. */
void
insert_entries(Relation relation, const RowShape &shape, const Row *rows,
               const ItemPointerData *addresses, int count)
{
	const LOCKMODE lock = is_new_here(shape.table) ? RowExclusiveLock : NoLock;
	for (int i = 0; i < shape.indexes; i++) {
		const RowIndex &noted = shape.index[i];
		const IndexUniqueCheck check = noted.info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
		Relation index = index_open(noted.relation, lock);
		for (int j = 0; j < count; j++) {
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
open_plain(RowShape &shape)
{
	const Oid table = find(shape.table);
	if (!OidIsValid(table) || XactReadOnly)
		return nullptr;
	Relation relation = table_open(table, is_new_here(shape.table) ? RowExclusiveLock : NoLock);
	if (shape.learnt == shape.table.changes && shape.user == GetUserId())
		return relation;
	/* what changes while we look makes us look again */
	const unsigned changes = shape.table.changes;
	shape.learnt = 0;
	if (is_plain(relation, shape)) {
		learn_indexes(relation, shape);
		shape.learnt = changes;
		shape.user = GetUserId();
		return relation;
	}
	ereport(DEBUG1, (errmsg_internal(
	                    "table \"%s\" is not as it was made: its rows are inserted by a statement",
	                    shape.table.name)));
	table_close(relation, NoLock);
	return nullptr;
}

void
insert_row(Relation relation, RowShape &shape, const Row &row)
{
	HeapTuple tuple = form_tuple(relation, shape, row);
	heap_insert(relation, tuple, GetCurrentCommandId(true), 0, nullptr);
	if (shape.indexes < 0)
		insert_by_executor(relation, tuple);
	else
		insert_entries(relation, shape, &row, &tuple->t_self, 1);
	note_locked(shape.table);
	heap_freetuple(tuple);
}

void
insert_rows(Relation relation, RowShape &shape, const Row *rows, int count)
{
	constexpr int at_once = 64;
	if (shape.indexes < 0 || count == 1) {
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
