/*
 * plain_table.hpp — rows of a table of ours, found, changed and deleted in batches without a plan.
 *
 * A statement over arrays costs each row five times what its change costs: a tuple store, a join by
 * row, projections, a copy of each result. So a batch whose rows and columns we know calls the
 * functions of the table that the executor would call in the end, as long as the table is as the
 * install script made it. A row that has changed since its address was noted is left to a
 * statement, too.
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

/* To be used in a transaction, between SPI_connect() and SPI_finish(). After an error nothing has
 * to be closed: the end of the transaction does it. */
class PlainTable
{
public:
	/* False when statements have to do one of the works; then there is nothing to close. */
	bool open_table(TableShape &shape, unsigned works);
	void close_table();

	/* Finds the row at this address, as this batch sees it; the other functions are about the row
	 * that was found last. Compare its id: the table may have become shorter since the address was
	 * noted (TRUNCATE, VACUUM FULL), or have another row there. */
	bool find_row(std::uint64_t address);
	/* Finds the row with this id; id_column is the bigint column of the primary key. */
	bool find_by_id(int id_column, std::int64_t id);
	Datum value_of(int column, bool &null);
	std::uint64_t address() const;

	/* Begins a new version of the row that was found, as a copy; then set_value() and set_null()
	 * change it. */
	void begin_change();
	void set_value(int column, Datum value);
	void set_null(int column);
	/* Writes it, and returns the address of the new version; 0 when somebody else has changed the
	 * row since, whom it waits for. */
	std::uint64_t update_row();
	bool remove_row();

private:
	bool find_behind(int id_column, std::int64_t id);
	void add_index_entries(bool summarizing_only);
	void put_value(int column, Datum value, bool null);

	TableShape *shape_ = nullptr;
	Relation relation_ = nullptr;
	TupleTableSlot *by_address_ = nullptr;
	TupleTableSlot *found_ = nullptr; /* the row that was found: by_address_ or by_key_ */
	TupleTableSlot *made_ = nullptr;
	BlockNumber blocks_ = 0;
	Relation index_ = nullptr; /* of the key, once it is needed */
	IndexScanDesc scan_ = nullptr;
	TupleTableSlot *by_key_ = nullptr;
	EState *state_ = nullptr; /* for index entries, when there are any */
	ResultRelInfo *result_ = nullptr;
};

} // namespace whatsapp::pg
