/*
 * plain_table.hpp — rows of a table of ours, found, changed and deleted in batches without a plan.
 *
 * A statement over arrays costs each row five times what its change costs: a tuple store, a join by
 * row, projections, a copy of each result. So a batch whose rows and columns we know goes to the
 * table as the executor would in the end. Where the table is not as the install script made it (a
 * user's trigger, constraint or generated column), statements have to do it; and a row that is not
 * as it was when its address was noted is left to them, too.
 */
#pragma once

#include <cstdint>

#include "pg/rows/key_lookup.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
}

struct EState;
struct ResultRelInfo;

namespace whatsapp::pg
{

/* What a batch reads and sets of a table, in an order of its own. A static. */
struct PlainColumns {
	const char *table;
	int16 events; /* what is done: TRIGGER_TYPE_UPDATE, _DELETE */
	int checks;   /* CHECK constraints that the install script made, and the values keep */
	int count;
	const char *const *names;
	/* found out when first used, and anew when the table changes */
	Oid relation = InvalidOid;
	int attributes = 0;
	int16 numbers[24] = {};
};

/* In a transaction, between SPI_connect() and SPI_finish(). An error ends all of it by itself. */
class PlainTable
{
public:
	/* False when statements have to do it; then there is nothing to close. resting: the function of
	 * a trigger of ours that has nothing to do as things are. */
	bool open(PlainColumns &columns, const char *resting = nullptr);
	/* The same for find() and get() alone, which a user's trigger need not stop. */
	bool open_to_read(PlainColumns &columns);
	void close();

	/* A row as it is for this batch; one at a time. */
	bool find(std::uint64_t address);
	/* By the primary key, which is this bigint column. */
	bool find_by_id(int id_column, std::int64_t id);
	Datum get(int column, bool &null);
	std::uint64_t address() const;

	/* A new version of the row that was found; then what it sets. */
	void begin_change();
	void set(int column, Datum value);
	void set_null(int column);
	/* The new version's address; 0 when somebody has changed the row since, whom it waits for. */
	std::uint64_t update();
	bool remove();

private:
	bool take(PlainColumns &columns, LOCKMODE mode);
	void begin();
	bool find_behind(int id_column, std::int64_t id);
	void add_index_entries(bool summarizing_only);
	void put(int column, Datum value, bool null);

	PlainColumns *columns_ = nullptr;
	Relation relation_ = nullptr;
	TupleTableSlot *by_address_ = nullptr;
	TupleTableSlot *found_ = nullptr; /* that one, or the look-up's */
	TupleTableSlot *made_ = nullptr;
	BlockNumber blocks_ = 0;
	KeyLookup lookup_ = {};
	EState *state_ = nullptr; /* for index entries, when there are any */
	ResultRelInfo *result_ = nullptr;
};

} // namespace whatsapp::pg
