/*
 * plain_table.hpp — rows of a table of ours, found, changed and deleted in batches without a plan.
 *
 * A statement over arrays costs each row five times what its change costs: a tuple store, a join by
 * row, projections, a copy of each result. So a batch whose rows and columns we know goes to the
 * table as the executor would in the end, as long as the table is as the install script made it;
 * and a row that is not as it was when its address was noted is left to a statement, too.
 */
#pragma once

#include <cstdint>

#include "pg/rows/table_shape.hpp"

extern "C" {
#include "access/genam.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"
}

struct EState;
struct ResultRelInfo;

namespace whatsapp::pg
{

/* In a transaction, between SPI_connect() and SPI_finish(). An error ends all of it by itself. */
class PlainTable
{
public:
	/* False when statements have to do one of the works; then there is nothing to close. */
	bool open_table(TableShape &shape, unsigned works);
	void close_table();

	/* A row as it is for this batch; one at a time. The table may have become shorter since the
	 * address was noted (TRUNCATE, VACUUM FULL), or hold another row there: compare the id. */
	bool find_row(std::uint64_t address);
	/* By the key, which is this bigint column. */
	bool find_by_id(int id_column, std::int64_t id);
	Datum value_of(int column, bool &null);
	std::uint64_t address() const;

	/* A new version of the row that was found; then what it sets. */
	void begin_change();
	void set_value(int column, Datum value);
	void set_null(int column);
	/* The new version's address; 0 when somebody has changed the row since, whom it waits for. */
	std::uint64_t update_row();
	bool remove_row();

private:
	bool find_behind(int id_column, std::int64_t id);
	void add_index_entries(bool summarizing_only);
	void put_value(int column, Datum value, bool null);

	TableShape *shape_ = nullptr;
	Relation relation_ = nullptr;
	TupleTableSlot *by_address_ = nullptr;
	TupleTableSlot *found_ = nullptr; /* that one, or by_key_ */
	TupleTableSlot *made_ = nullptr;
	BlockNumber blocks_ = 0;
	Relation index_ = nullptr; /* of the key, once it is needed */
	IndexScanDesc scan_ = nullptr;
	TupleTableSlot *by_key_ = nullptr;
	EState *state_ = nullptr; /* for index entries, when there are any */
	ResultRelInfo *result_ = nullptr;
};

} // namespace whatsapp::pg
