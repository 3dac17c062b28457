/*
 * row_insert.cpp — a tuple, then its index entries.
 */
#include "pg/row_insert.hpp"

#include "pg/compat.hpp"
#include "pg/schema.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

bool
find_columns(Relation relation, RowShape &shape)
{
	const TupleDesc row = RelationGetDescr(relation);
	if (shape.relation == RelationGetRelid(relation) && shape.attributes == row->natts)
		return true;
	for (int i = 0; i < shape.columns; i++) {
		shape.numbers[i] = get_attnum(RelationGetRelid(relation), shape.names[i]);
		if (shape.numbers[i] == InvalidAttrNumber)
			return false;
	}
	shape.relation = RelationGetRelid(relation);
	shape.attributes = row->natts;
	return true;
}

/* A column that is left NULL must be one that may be. */
bool
needs_more(Relation relation, const RowShape &shape)
{
	const TupleDesc row = RelationGetDescr(relation);
	for (int i = 0; i < row->natts; i++) {
		const Form_pg_attribute column = TupleDescAttr(row, i);
		if (column->attgenerated != '\0' ||
		    (!column->attisdropped && (column->attnotnull || column->atthasdef))) {
			bool set = false;
			for (int j = 0; j < shape.columns && !set; j++)
				set = shape.numbers[j] == i + 1;
			if (!set || column->attgenerated != '\0')
				return true;
		}
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
	       !has_insert_trigger(relation->trigdesc) && !relation->rd_rel->relforcerowsecurity &&
	       (rules == nullptr ? 0 : rules->num_check) == shape.checks && !XactReadOnly &&
	       pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
	       find_columns(relation, shape) && !needs_more(relation, shape);
}

} // namespace

Relation
open_plain(RowShape &shape)
{
	const Oid table = get_relname_relid(shape.table, schema_oid());
	if (!OidIsValid(table))
		return nullptr;
	Relation relation = table_open(table, RowExclusiveLock);
	if (is_plain(relation, shape))
		return relation;
	ereport(DEBUG1, (errmsg_internal(
	                    "table \"%s\" is not as it was made: its rows are inserted by a statement",
	                    shape.table)));
	table_close(relation, NoLock);
	return nullptr;
}

void
insert_row(Relation relation, const RowShape &shape, const Datum *values, const bool *nulls)
{
	EState *state = CreateExecutorState();
	MemoryContext before = MemoryContextSwitchTo(state->es_query_cxt);
	auto *result = makeNode(ResultRelInfo);
	InitResultRelInfo(result, relation, 0, nullptr, 0);
	ExecOpenIndices(result, false);

	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * static_cast<Size>(shape.attributes));
	for (int i = 0; i < shape.columns; i++) {
		slot->tts_values[shape.numbers[i] - 1] = values[i];
		slot->tts_isnull[shape.numbers[i] - 1] = nulls[i];
	}
	HeapTuple tuple =
	    heap_form_tuple(RelationGetDescr(relation), slot->tts_values, slot->tts_isnull);
	ExecForceStoreHeapTuple(tuple, slot, false);
	slot->tts_tableOid = RelationGetRelid(relation);
	table_tuple_insert(relation, slot, GetCurrentCommandId(true), 0, nullptr);
	if (result->ri_NumIndices > 0)
		insert_index_entries(result, slot, state);

	ExecDropSingleTupleTableSlot(slot);
	ExecCloseIndices(result);
	MemoryContextSwitchTo(before);
	FreeExecutorState(state);
}

} // namespace whatsapp::pg
