/*
 * watch_rows.cpp — transition tables, joined or divided.
 */
#include "pg/watches/watch_rows.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
}

namespace whatsapp::pg
{

namespace
{

Tuplestorestate *
new_store()
{
	Tuplestorestate *store = tuplestore_begin_heap(true, false, work_mem);
	tuplestore_set_eflags(store, EXEC_FLAG_REWIND);
	return store;
}

/* A read pointer of its own, at the beginning: others read the same rows. */
int
begin_reading(Tuplestorestate *store)
{
	const int pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	return pointer;
}

bool
read_row(Tuplestorestate *store, int pointer, TupleTableSlot *row)
{
	tuplestore_select_read_pointer(store, pointer);
	return tuplestore_gettupleslot(store, true, false, row);
}

void
put_pair(Tuplestorestate *store, TupleDesc columns, TupleTableSlot *old_row,
         TupleTableSlot *new_row)
{
	const int half = columns->natts / 2;
	Datum values[MaxTupleAttributeNumber];
	bool nulls[MaxTupleAttributeNumber];
	slot_getallattrs(new_row);
	slot_getallattrs(old_row);
	memcpy(values, new_row->tts_values, sizeof(Datum) * static_cast<Size>(half));
	memcpy(nulls, new_row->tts_isnull, sizeof(bool) * static_cast<Size>(half));
	memcpy(values + half, old_row->tts_values, sizeof(Datum) * static_cast<Size>(half));
	memcpy(nulls + half, old_row->tts_isnull, sizeof(bool) * static_cast<Size>(half));
	tuplestore_putvalues(store, columns, values, nulls);
}

WatchRows
join_pairs(Relation relation, Tuplestorestate *old_rows, Tuplestorestate *new_rows)
{
	TupleDesc row = RelationGetDescr(relation);
	WatchRows rows = {WatchEvent::updated, relation, pair_columns(row), new_store(), 0, 0};
	TupleTableSlot *old_row = MakeSingleTupleTableSlot(row, &TTSOpsMinimalTuple);
	TupleTableSlot *new_row = MakeSingleTupleTableSlot(row, &TTSOpsMinimalTuple);
	const int old_pointer = begin_reading(old_rows);
	const int new_pointer = begin_reading(new_rows);
	while (read_row(old_rows, old_pointer, old_row) && read_row(new_rows, new_pointer, new_row)) {
		put_pair(rows.store, rows.columns, old_row, new_row);
		rows.count++;
	}
	ExecDropSingleTupleTableSlot(old_row);
	ExecDropSingleTupleTableSlot(new_row);
	return rows;
}

} // namespace

bool
rows_are_unreadable(WatchEvent event, Relation relation, Tuplestorestate *old_rows,
                    Tuplestorestate *new_rows, Problem &why)
{
	why = {};
	if (event != WatchEvent::updated)
		return false;
	const int count = RelationGetDescr(relation)->natts;
	if (2 * count > MaxTupleAttributeNumber) {
		strlcpy(why.sqlstate, "54011", sizeof why.sqlstate);
		snprintf(why.message, sizeof why.message,
		         "table has too many columns for a watch on UPDATE (%d, and %d are possible)",
		         count, MaxTupleAttributeNumber / 2);
		return true;
	}
	/* the n-th old row and the n-th new one are the same row, as long as there are as many */
	if (old_rows != nullptr && new_rows != nullptr &&
	    tuplestore_tuple_count(old_rows) != tuplestore_tuple_count(new_rows)) {
		strlcpy(why.sqlstate, "09000", sizeof why.sqlstate);
		strlcpy(why.message, "a trigger kept rows out of the partition that they were moved to",
		        sizeof why.message);
		return true;
	}
	return false;
}

TupleDesc
pair_columns(TupleDesc row)
{
	const int half = row->natts;
	if (2 * half > MaxTupleAttributeNumber)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
		                errmsg("table has too many columns for a watch on UPDATE"),
		                errdetail("It has %d, and at most %d are possible.", half,
		                          MaxTupleAttributeNumber / 2)));
	TupleDesc columns = CreateTemplateTupleDesc(2 * half);
	for (int i = 1; i <= half; i++) {
		TupleDescCopyEntry(columns, static_cast<AttrNumber>(i), row, static_cast<AttrNumber>(i));
		TupleDescCopyEntry(columns, static_cast<AttrNumber>(half + i), row,
		                   static_cast<AttrNumber>(i));
		/* names that no expression has by accident */
		namestrcpy(&TupleDescAttr(columns, i - 1)->attname, psprintf("whatsapp_new_%d", i));
		namestrcpy(&TupleDescAttr(columns, half + i - 1)->attname, psprintf("whatsapp_old_%d", i));
	}
	return columns;
}

WatchRows
rows_of_statement(WatchEvent event, Relation relation, Tuplestorestate *old_rows,
                  Tuplestorestate *new_rows)
{
	if (event == WatchEvent::updated)
		return join_pairs(relation, old_rows, new_rows);
	Tuplestorestate *store = event == WatchEvent::deleted ? old_rows : new_rows;
	return {event, relation, RelationGetDescr(relation), store, tuplestore_tuple_count(store), 0};
}

WatchRows
rows_of_row(WatchEvent event, Relation relation, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	WatchRows rows = no_rows(event, relation);
	rows.count = 1;
	if (event == WatchEvent::updated)
		put_pair(rows.store, rows.columns, old_row, new_row);
	else
		tuplestore_puttupleslot(rows.store, event == WatchEvent::deleted ? old_row : new_row);
	return rows;
}

WatchRows
no_rows(WatchEvent event, Relation relation)
{
	TupleDesc row = RelationGetDescr(relation);
	return {event,       relation, event == WatchEvent::updated ? pair_columns(row) : row,
	        new_store(), 0,        0};
}

void
split_rows(const WatchRows &rows, WatchRows &left, WatchRows &right)
{
	left = right = rows;
	left.store = new_store();
	right.store = new_store();
	left.count = rows.count / 2;
	right.count = rows.count - left.count;
	right.first = rows.first + left.count;
	TupleTableSlot *row = MakeSingleTupleTableSlot(rows.columns, &TTSOpsMinimalTuple);
	const int pointer = begin_reading(rows.store);
	for (std::int64_t i = 0; i < rows.count && read_row(rows.store, pointer, row); i++)
		tuplestore_puttupleslot(i < left.count ? left.store : right.store, row);
	ExecDropSingleTupleTableSlot(row);
}

void
register_rows(const WatchRows &rows)
{
	auto *relation =
	    static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
	relation->md.name = pstrdup(watch_rows_name);
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = static_cast<double>(rows.count);
	if (rows.event == WatchEvent::updated)
		relation->md.tupdesc = rows.columns;
	else
		relation->md.reliddesc = RelationGetRelid(rows.relation);
	relation->reldata = rows.store;
	const int done = SPI_register_relation(relation);
	if (done != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows of a statement: %s", SPI_result_code_string(done));
}

namespace
{

/* rd_pkindex is not enough: before PostgreSQL 17 it leaves out a key that is deferrable. */
Oid
primary_key_index(Relation relation)
{
	Oid primary = InvalidOid;
	List *indexes = RelationGetIndexList(relation);
	ListCell *cell;
	foreach (cell, indexes) {
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		if (!HeapTupleIsValid(tuple))
			continue;
		const auto *index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
		if (index->indisprimary && index->indisvalid)
			primary = index->indexrelid;
		ReleaseSysCache(tuple);
	}
	list_free(indexes);
	return primary;
}

} // namespace

const AttrNumber *
primary_key_columns(Relation relation)
{
	auto *columns = static_cast<AttrNumber *>(palloc0(sizeof(AttrNumber) * (INDEX_MAX_KEYS + 1)));
	const Oid index = relation->rd_indexvalid && OidIsValid(relation->rd_pkindex)
	                      ? relation->rd_pkindex
	                      : primary_key_index(relation);
	if (!OidIsValid(index))
		return columns;
	Relation opened = index_open(index, AccessShareLock);
	for (int i = 0; i < opened->rd_index->indnkeyatts; i++)
		columns[i] = opened->rd_index->indkey.values[i];
	index_close(opened, AccessShareLock);
	return columns;
}

const char *
describe_first_row(const WatchRows &rows)
{
	const AttrNumber *key = primary_key_columns(rows.relation);
	if (key[0] == 0)
		return psprintf("row " INT64_FORMAT " of the statement", rows.first + 1);
	StringInfoData text;
	initStringInfo(&text);
	TupleTableSlot *row = MakeSingleTupleTableSlot(rows.columns, &TTSOpsMinimalTuple);
	const int pointer = begin_reading(rows.store);
	if (read_row(rows.store, pointer, row)) {
		for (int i = 0; key[i] != 0; i++) {
			bool null;
			const Datum value = slot_getattr(row, key[i], &null);
			const auto *column = TupleDescAttr(RelationGetDescr(rows.relation), key[i] - 1);
			Oid output;
			bool varlena;
			getTypeOutputInfo(column->atttypid, &output, &varlena);
			appendStringInfo(&text, "%s%s=%s", i > 0 ? ", " : "", NameStr(column->attname),
			                 null ? "NULL" : OidOutputFunctionCall(output, value));
		}
	}
	ExecDropSingleTupleTableSlot(row);
	constexpr int longest = 500;
	text.data[pg_mbcliplen(text.data, text.len, longest)] = '\0';
	return text.data;
}

} // namespace whatsapp::pg
