/*
 * plain_table.cpp — what the executor does with a row in the end, without plan and projection.
 */
#include "pg/rows/plain_table.hpp"

#include "pg/server/columns.hpp"
#include "pg/server/compat.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

bool
PlainTable::open_table(TableShape &shape, unsigned works)
{
	*this = PlainTable();
	const Oid table = find_own_table(shape.table);
	const bool changes = (works & writes) != 0;
	if (!OidIsValid(table) || (changes && XactReadOnly))
		return false;
	Relation relation = table_open(table, changes ? RowExclusiveLock : AccessShareLock);
	if (!is_as_made(relation, shape, works)) {
		table_close(relation, NoLock);
		return false;
	}
	/* raise if a publication forbids it */
	if ((works & updates) != 0)
		CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	if ((works & deletes) != 0)
		CheckCmdReplicaIdentity(relation, CMD_DELETE);
	shape_ = &shape;
	relation_ = relation;
	by_address_ = table_slot_create(relation_, nullptr);
	made_ = MakeSingleTupleTableSlot(RelationGetDescr(relation_), &TTSOpsVirtual);
	/* while it is locked, it does not become shorter */
	blocks_ = RelationGetNumberOfBlocks(relation_);
	/* the snapshot of a statement: it sees what this transaction did before, and what others have
	 * committed by now */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	return true;
}

void
PlainTable::close_table()
{
	if (index_ != nullptr) {
		ExecDropSingleTupleTableSlot(by_key_);
		index_endscan(scan_);
		index_close(index_, NoLock);
	}
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
PlainTable::find_row(std::uint64_t address)
{
	ItemPointerData place = tuple_at(address);
	found_ = by_address_;
	return address != 0 && ItemPointerGetBlockNumber(&place) < blocks_ &&
	       table_tuple_fetch_row_version(relation_, &place, GetActiveSnapshot(), found_);
}

/* Looks for the row right behind the one that was found last. Rows that were made one after the
 * other mostly lie in that order, and this costs a fifth of a search by the key. */
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
		if (find_row(address_of(place)) && DatumGetInt64(value_of(id_column, null)) == id)
			return true;
	}
	return false;
}

bool
PlainTable::find_by_id(int id_column, std::int64_t id)
{
	if (find_behind(id_column, id))
		return true;
	if (index_ == nullptr) {
		index_ = index_open(shape_->index, AccessShareLock);
		scan_ = begin_index_scan(relation_, index_, GetActiveSnapshot(), 1);
		by_key_ = table_slot_create(relation_, nullptr);
	}
	ScanKeyData key;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	index_rescan(scan_, &key, 1, nullptr, 0);
	found_ = by_key_;
	return index_getnext_slot(scan_, ForwardScanDirection, by_key_);
}

Datum
PlainTable::value_of(int column, bool &null)
{
	return slot_getattr(found_, shape_->numbers[column], &null);
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
	const auto count = static_cast<Size>(made_->tts_tupleDescriptor->natts);
	memcpy(made_->tts_values, found_->tts_values, count * sizeof(Datum));
	memcpy(made_->tts_isnull, found_->tts_isnull, count * sizeof(bool));
}

void
PlainTable::put_value(int column, Datum value, bool null)
{
	const int place = shape_->numbers[column] - 1;
	made_->tts_values[place] = value;
	made_->tts_isnull[place] = null;
}

void
PlainTable::set_value(int column, Datum value)
{
	put_value(column, value, false);
}

void
PlainTable::set_null(int column)
{
	put_value(column, Datum(0), true);
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
PlainTable::update_row()
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
PlainTable::remove_row()
{
	ItemPointerData place = found_->tts_tid;
	TM_FailureData failure;
	return table_tuple_delete(relation_, &place, GetCurrentCommandId(true), GetActiveSnapshot(),
	                          InvalidSnapshot, true, &failure, false) == TM_Ok;
}

} // namespace whatsapp::pg
