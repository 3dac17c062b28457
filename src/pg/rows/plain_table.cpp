/*
 * plain_table.cpp — what the executor does with a row in the end, without its beginning.
 */
#include "pg/rows/plain_table.hpp"

#include "pg/server/columns.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/schema.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

bool
find_columns(Relation relation, PlainColumns &columns)
{
	const int attributes = RelationGetDescr(relation)->natts;
	if (columns.relation == RelationGetRelid(relation) && columns.attributes == attributes)
		return true;
	for (int i = 0; i < columns.count; i++) {
		columns.numbers[i] = get_attnum(RelationGetRelid(relation), columns.names[i]);
		if (columns.numbers[i] == InvalidAttrNumber)
			return false;
	}
	columns.relation = RelationGetRelid(relation);
	columns.attributes = attributes;
	return true;
}

/* resting: the function of a trigger of ours that has nothing to do as things are. */
bool
must_fire(const Trigger &trigger, const PlainColumns &columns, const char *resting)
{
	if (trigger.tgenabled == TRIGGER_DISABLED ||
	    (trigger.tgtype & columns.events & TRIGGER_TYPE_EVENT_MASK) == 0)
		return false;
	/* a foreign key does not mind: no key is changed here */
	if (trigger.tgisinternal && !TRIGGER_FOR_DELETE(trigger.tgtype))
		return RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_PK;
	const char *name = resting == nullptr ? nullptr : get_func_name(trigger.tgfoid);
	return name == nullptr || strcmp(name, resting) != 0 ||
	       get_func_namespace(trigger.tgfoid) != schema_oid();
}

bool
is_plain(Relation relation, const PlainColumns &columns, const char *resting)
{
	const Form_pg_class table = relation->rd_rel;
	const TupleConstr *rules = RelationGetDescr(relation)->constr;
	if (table->relkind != RELKIND_RELATION || table->relhasrules || table->relforcerowsecurity ||
	    XactReadOnly || (rules == nullptr ? 0 : rules->num_check) != columns.checks ||
	    (rules != nullptr && rules->has_generated_stored))
		return false;
	const TriggerDesc *triggers = relation->trigdesc;
	for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
		if (must_fire(triggers->triggers[i], columns, resting))
			return false;
	/* raise if a publication forbids it */
	if ((columns.events & TRIGGER_TYPE_UPDATE) != 0)
		CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	if ((columns.events & TRIGGER_TYPE_DELETE) != 0)
		CheckCmdReplicaIdentity(relation, CMD_DELETE);
	return true;
}

} // namespace

bool
PlainTable::take(PlainColumns &columns, LOCKMODE mode)
{
	*this = PlainTable();
	columns_ = &columns;
	const Oid table = get_relname_relid(columns.table, schema_oid());
	if (!OidIsValid(table))
		return false;
	relation_ = table_open(table, mode);
	return true;
}

void
PlainTable::begin()
{
	by_address_ = table_slot_create(relation_, nullptr);
	made_ = MakeSingleTupleTableSlot(RelationGetDescr(relation_), &TTSOpsVirtual);
	blocks_ = RelationGetNumberOfBlocks(relation_);
	/* as a statement's: it sees those before it, and whatever has been committed by now */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

bool
PlainTable::open(PlainColumns &columns, const char *resting)
{
	if (!take(columns, RowExclusiveLock))
		return false;
	if (is_plain(relation_, columns, resting) && find_columns(relation_, columns)) {
		begin();
		return true;
	}
	ereport(DEBUG1, (errmsg_internal(
	                    "table \"%s\" is not as it was made: its rows are changed by statements",
	                    columns.table)));
	table_close(relation_, NoLock);
	return false;
}

bool
PlainTable::open_to_read(PlainColumns &columns)
{
	if (!take(columns, AccessShareLock))
		return false;
	if (relation_->rd_rel->relkind == RELKIND_RELATION && find_columns(relation_, columns)) {
		begin();
		return true;
	}
	table_close(relation_, NoLock);
	return false;
}

void
PlainTable::close()
{
	if (lookup_.index != nullptr)
		end_lookup(lookup_);
	ExecDropSingleTupleTableSlot(by_address_);
	ExecDropSingleTupleTableSlot(made_);
	if (result_ != nullptr)
		ExecCloseIndices(result_);
	if (state_ != nullptr)
		FreeExecutorState(state_);
	table_close(relation_, NoLock);
	PopActiveSnapshot();
}

bool
PlainTable::find(std::uint64_t address)
{
	ItemPointerData place = tuple_at(address);
	found_ = by_address_;
	return address != 0 &&
	       table_tuple_fetch_row_version(relation_, &place, GetActiveSnapshot(), found_);
}

/* Rows that were made one after the other lie so, as a rule: a look at that place costs a fifth of
 * a search. */
bool
PlainTable::find_behind(int id_column, std::int64_t id)
{
	if (found_ == nullptr || TTS_EMPTY(found_))
		return false;
	const BlockNumber block = ItemPointerGetBlockNumber(&found_->tts_tid);
	const OffsetNumber offset = ItemPointerGetOffsetNumber(&found_->tts_tid);
	ItemPointerData places[2];
	ItemPointerSet(&places[0], block, static_cast<OffsetNumber>(offset + 1));
	ItemPointerSet(&places[1], block + 1, FirstOffsetNumber);
	for (const ItemPointerData &place : places) {
		bool null;
		if (ItemPointerGetBlockNumber(&place) < blocks_ && find(address_of(place)) &&
		    DatumGetInt64(get(id_column, null)) == id)
			return true;
	}
	return false;
}

bool
PlainTable::find_by_id(int id_column, std::int64_t id)
{
	if (find_behind(id_column, id))
		return true;
	if (lookup_.index == nullptr &&
	    !begin_lookup(lookup_, relation_, columns_->names[id_column], F_INT8EQ))
		return false;
	found_ = lookup_.slot;
	return look_up(lookup_, Int64GetDatum(id));
}

Datum
PlainTable::get(int column, bool &null)
{
	return slot_getattr(found_, columns_->numbers[column], &null);
}

std::uint64_t
PlainTable::address() const
{
	return address_of(found_->tts_tid);
}

void
PlainTable::begin_change()
{
	slot_getallattrs(found_);
	ExecClearTuple(made_);
	const auto count = static_cast<Size>(columns_->attributes);
	memcpy(made_->tts_values, found_->tts_values, count * sizeof(Datum));
	memcpy(made_->tts_isnull, found_->tts_isnull, count * sizeof(bool));
}

void
PlainTable::put(int column, Datum value, bool null)
{
	const int place = columns_->numbers[column] - 1;
	made_->tts_values[place] = value;
	made_->tts_isnull[place] = null;
}

void
PlainTable::set(int column, Datum value)
{
	put(column, value, false);
}

void
PlainTable::set_null(int column)
{
	put(column, Datum(0), true);
}

void
PlainTable::add_index_entries(bool summarizing_only)
{
	if (state_ == nullptr) {
		state_ = CreateExecutorState();
		result_ = makeNode(ResultRelInfo);
		InitResultRelInfo(result_, relation_, 0, nullptr, 0);
		ExecOpenIndices(result_, false);
	}
	if (result_->ri_NumIndices > 0)
		insert_index_entries(result_, made_, state_, summarizing_only);
	ResetPerTupleExprContext(state_);
}

std::uint64_t
PlainTable::update()
{
	ItemPointerData place = found_->tts_tid;
	IndexChange indexes = IndexChange::none;
	ExecStoreVirtualTuple(made_);
	made_->tts_tableOid = RelationGetRelid(relation_);
	if (!update_tuple(relation_, &place, made_, GetActiveSnapshot(), indexes))
		return 0;
	if (indexes != IndexChange::none)
		add_index_entries(indexes == IndexChange::summarizing);
	return address_of(made_->tts_tid);
}

bool
PlainTable::remove()
{
	ItemPointerData place = found_->tts_tid;
	TM_FailureData failure;
	return table_tuple_delete(relation_, &place, GetCurrentCommandId(true), GetActiveSnapshot(),
	                          InvalidSnapshot, true, &failure, false) == TM_Ok;
}

} // namespace whatsapp::pg
