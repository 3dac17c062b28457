/*
 * row_update.cpp — a new version of a tuple, and its index entries if it has to leave its page.
 *
 * Whoever holds the row is waited for, as an UPDATE waits; whether he has changed it, only a
 * statement can follow.
 */
#include "pg/row_update.hpp"

#include "pg/compat.hpp"
#include "pg/schema.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

/* Foreign keys do not mind: no key is changed here. */
bool
may_be_left_out(const Trigger &trigger, const char *quiet_trigger)
{
	if (trigger.tgenabled == TRIGGER_DISABLED || !TRIGGER_FOR_UPDATE(trigger.tgtype))
		return true;
	if (trigger.tgisinternal)
		return RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_NONE;
	const char *name = quiet_trigger == nullptr ? nullptr : get_func_name(trigger.tgfoid);
	return name != nullptr && strcmp(name, quiet_trigger) == 0 &&
	       get_func_namespace(trigger.tgfoid) == schema_oid();
}

bool
is_plain(Relation relation, const RowShape &shape, const char *quiet_trigger)
{
	const Form_pg_class table = relation->rd_rel;
	const TupleConstr *rules = RelationGetDescr(relation)->constr;
	if (table->relkind != RELKIND_RELATION || table->relforcerowsecurity || table->relhasrules ||
	    XactReadOnly ||
	    pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		return false;
	if (rules != nullptr && (rules->num_check != shape.checks || rules->has_generated_stored))
		return false;
	const TriggerDesc *triggers = relation->trigdesc;
	for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
		if (!may_be_left_out(triggers->triggers[i], quiet_trigger))
			return false;
	return true;
}

} // namespace

bool
begin_update(RowUpdate &update, RowShape &shape, const char *key, const char *quiet_trigger)
{
	const Oid table = get_relname_relid(shape.table, schema_oid());
	if (!OidIsValid(table))
		return false;
	Relation relation = table_open(table, RowExclusiveLock);
	if (!is_plain(relation, shape, quiet_trigger) || !find_columns(relation, shape) ||
	    !begin_lookup(update.lookup, relation, key, F_INT8EQ)) {
		ereport(DEBUG1,
		        (errmsg_internal(
		            "table \"%s\" is not as it was made: its rows are updated by a statement",
		            shape.table)));
		table_close(relation, NoLock);
		return false;
	}
	/* raises if it may not be updated because of a publication */
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	update.relation = relation;
	update.shape = &shape;
	update.state = CreateExecutorState();
	MemoryContext before = MemoryContextSwitchTo(update.state->es_query_cxt);
	update.result = makeNode(ResultRelInfo);
	InitResultRelInfo(update.result, relation, 0, nullptr, 0);
	ExecOpenIndices(update.result, false);
	update.slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
	update.memory = AllocSetContextCreate(update.state->es_query_cxt, "pg_whatsapp row",
	                                      ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(before);
	return true;
}

bool
read_row(RowUpdate &update, std::int64_t key, Datum *values, bool *nulls)
{
	MemoryContextReset(update.memory);
	if (!look_up(update.lookup, Int64GetDatum(key)))
		return false;
	const TupleTableSlot *row = update.lookup.slot;
	slot_getallattrs(update.lookup.slot);
	for (int i = 0; i < update.shape->columns; i++) {
		values[i] = row->tts_values[update.shape->numbers[i] - 1];
		nulls[i] = row->tts_isnull[update.shape->numbers[i] - 1];
	}
	return true;
}

bool
write_row(RowUpdate &update, const Datum *values, const bool *nulls)
{
	MemoryContext before = MemoryContextSwitchTo(update.memory);
	TupleTableSlot *row = update.lookup.slot;
	const auto count = static_cast<Size>(update.shape->attributes);
	auto *new_values = static_cast<Datum *>(palloc(sizeof(Datum) * count));
	auto *new_nulls = static_cast<bool *>(palloc(sizeof(bool) * count));
	memcpy(new_values, row->tts_values, sizeof(Datum) * count);
	memcpy(new_nulls, row->tts_isnull, sizeof(bool) * count);
	for (int i = 0; i < update.shape->columns; i++) {
		new_values[update.shape->numbers[i] - 1] = values[i];
		new_nulls[update.shape->numbers[i] - 1] = nulls[i];
	}
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(update.relation), new_values, new_nulls);
	ExecForceStoreHeapTuple(tuple, update.slot, false);
	update.slot->tts_tableOid = RelationGetRelid(update.relation);
	const bool written =
	    update_tuple(update.result, &row->tts_tid, update.slot, update.state, GetActiveSnapshot());
	ExecClearTuple(update.slot);
	ResetPerTupleExprContext(update.state);
	MemoryContextSwitchTo(before);
	return written;
}

void
end_update(RowUpdate &update)
{
	ExecDropSingleTupleTableSlot(update.slot);
	ExecCloseIndices(update.result);
	FreeExecutorState(update.state);
	end_lookup(update.lookup);
	table_close(update.relation, NoLock);
}

} // namespace whatsapp::pg
