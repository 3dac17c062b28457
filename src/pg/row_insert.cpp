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
	return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhasrules &&
	       !has_insert_trigger(relation->trigdesc) && !relation->rd_rel->relforcerowsecurity &&
	       (rules == nullptr ? 0 : rules->num_check) == shape.checks && !XactReadOnly &&
	       pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
	       find_columns(relation, shape) && !needs_more(relation, shape);
}

} // namespace

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

namespace
{

/* tuples that are made before they are written */
constexpr std::size_t max_together = 128;

struct Writer {
	EState *state;
	ResultRelInfo *result;
	Relation relation;
	const RowShape *shape;
	CommandId command;
};

Writer
open_writer(Relation relation, const RowShape &shape)
{
	Writer writer = {CreateExecutorState(), makeNode(ResultRelInfo), relation, &shape,
	                 GetCurrentCommandId(true)};
	MemoryContext before = MemoryContextSwitchTo(writer.state->es_query_cxt);
	InitResultRelInfo(writer.result, relation, 0, nullptr, 0);
	ExecOpenIndices(writer.result, false);
	MemoryContextSwitchTo(before);
	return writer;
}

void
close_writer(Writer &writer)
{
	ExecCloseIndices(writer.result);
	FreeExecutorState(writer.state);
	pfree(writer.result);
}

void
store_tuple(const Writer &writer, TupleTableSlot *slot, const Datum *values, const bool *nulls)
{
	const RowShape &shape = *writer.shape;
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * static_cast<Size>(shape.attributes));
	for (int i = 0; i < shape.columns; i++) {
		slot->tts_values[shape.numbers[i] - 1] = values[i];
		slot->tts_isnull[shape.numbers[i] - 1] = nulls[i];
	}
	HeapTuple tuple =
	    heap_form_tuple(RelationGetDescr(writer.relation), slot->tts_values, slot->tts_isnull);
	ExecForceStoreHeapTuple(tuple, slot, true);
	slot->tts_tableOid = RelationGetRelid(writer.relation);
}

void
index_tuple(const Writer &writer, TupleTableSlot *slot)
{
	if (writer.result->ri_NumIndices == 0)
		return;
	insert_index_entries(writer.result, slot, writer.state);
	ResetPerTupleExprContext(writer.state);
}

TupleTableSlot *
make_slot(const Writer &writer)
{
	return MakeSingleTupleTableSlot(RelationGetDescr(writer.relation), &TTSOpsHeapTuple);
}

} // namespace

void
insert_row(Relation relation, const RowShape &shape, const Datum *values, const bool *nulls)
{
	Writer writer = open_writer(relation, shape);
	MemoryContext before = MemoryContextSwitchTo(writer.state->es_query_cxt);
	TupleTableSlot *slot = make_slot(writer);
	store_tuple(writer, slot, values, nulls);
	table_tuple_insert(relation, slot, writer.command, 0, nullptr);
	index_tuple(writer, slot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(before);
	close_writer(writer);
}

void
insert_rows(Relation relation, const RowShape &shape, std::size_t count,
            void (*fill)(void *self, std::size_t place, Datum *values, bool *nulls), void *self)
{
	Writer writer = open_writer(relation, shape);
	MemoryContext before = MemoryContextSwitchTo(writer.state->es_query_cxt);
	const std::size_t width = Min(count, max_together);
	auto **slots = static_cast<TupleTableSlot **>(palloc(sizeof(TupleTableSlot *) * width));
	for (std::size_t i = 0; i < width; i++)
		slots[i] = make_slot(writer);
	MemoryContext tuples = AllocSetContextCreate(writer.state->es_query_cxt, "pg_whatsapp rows",
	                                             ALLOCSET_DEFAULT_SIZES);
	Datum values[lengthof(shape.numbers)];
	bool nulls[lengthof(shape.numbers)];
	for (std::size_t at = 0; at < count; at += width) {
		const std::size_t size = Min(width, count - at);
		MemoryContextSwitchTo(tuples);
		for (std::size_t i = 0; i < size; i++) {
			fill(self, at + i, values, nulls);
			store_tuple(writer, slots[i], values, nulls);
		}
		table_multi_insert(relation, slots, static_cast<int>(size), writer.command, 0, nullptr);
		for (std::size_t i = 0; i < size; i++)
			index_tuple(writer, slots[i]);
		for (std::size_t i = 0; i < size; i++)
			ExecClearTuple(slots[i]);
		MemoryContextSwitchTo(writer.state->es_query_cxt);
		MemoryContextReset(tuples);
	}
	for (std::size_t i = 0; i < width; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	MemoryContextSwitchTo(before);
	close_writer(writer);
}

} // namespace whatsapp::pg
