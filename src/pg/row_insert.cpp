/*
 * row_insert.cpp — a tuple, then its index entries.
 */
#include "pg/row_insert.hpp"

#include "pg/compat.hpp"
#include "pg/schema.hpp"

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

bool
sets_column(const RowShape &shape, int number)
{
	for (int i = 0; i < shape.columns; i++)
		if (shape.numbers[i] == number)
			return true;
	return false;
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
			if (count < max_row_indexes)
				shape.index[count++] = {RelationGetRelid(index), info};
			else
				known = false;
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

void
insert_entry(Relation relation, const RowIndex &place, LOCKMODE lock, HeapTuple tuple,
             const Datum *row, const bool *missing)
{
	Datum values[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS];
	for (int i = 0; i < place.info->ii_NumIndexAttrs; i++) {
		const int number = place.info->ii_IndexAttrNumbers[i] - 1;
		values[i] = row[number];
		nulls[i] = missing[number];
	}
	Relation index = index_open(place.relation, lock);
	index_insert(index, values, nulls, &tuple->t_self, relation,
	             place.info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, place.info);
	index_close(index, NoLock);
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
insert_row(Relation relation, RowShape &shape, const Datum *values, const bool *nulls)
{
	Datum row[MaxHeapAttributeNumber];
	bool missing[MaxHeapAttributeNumber];
	memset(missing, true, sizeof(bool) * static_cast<Size>(shape.attributes));
	for (int i = 0; i < shape.columns; i++) {
		row[shape.numbers[i] - 1] = values[i];
		missing[shape.numbers[i] - 1] = nulls[i];
	}
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), row, missing);
	heap_insert(relation, tuple, GetCurrentCommandId(true), 0, nullptr);
	const LOCKMODE lock = is_new_here(shape.table) ? RowExclusiveLock : NoLock;
	if (shape.indexes < 0)
		insert_by_executor(relation, tuple);
	for (int i = 0; i < shape.indexes; i++)
		insert_entry(relation, shape.index[i], lock, tuple, row, missing);
	note_locked(shape.table);
	heap_freetuple(tuple);
}

} // namespace whatsapp::pg
