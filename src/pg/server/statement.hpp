/*
 * statement.hpp — a statement of ours, prepared once per process and run through SPI with typed
 * parameters.
 *
 * The text names the extension's schema as @s@, and as @t@ where it is to be a string; it is filled
 * in when the plan is made, and again if the schema changes its name.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pg/server/prelude.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
}

namespace whatsapp::pg
{

inline constexpr int max_statement_parameters = 25;

struct Statement {
	const char *text;
	int parameters;
	Oid types[max_statement_parameters];
	/* One plan for all values, and none of them in a log. Without it, the first plans have the
	 * values in them, and whoever logs plans (auto_explain) would log those: set it where a
	 * parameter is the content of a message. */
	bool generic = false;
	SPIPlanPtr plan = nullptr;
	unsigned generation = 0;
};

/* The values of one call. NULL until set. */
struct Values {
	Datum value[max_statement_parameters] = {};
	char null[max_statement_parameters];

	Values() { memset(null, 'n', sizeof null); }
	void
	set(int place, Datum datum)
	{
		value[place] = datum;
		null[place] = ' ';
	}
	/* NULL stays NULL. The bytes must be valid in the database's encoding. */
	void set_text(int place, const char *string);
	/* The same for an id that somebody else made up, cut to indexable_identifier(). Empty is NULL.
	 */
	void set_identifier(int place, const char *string);
	void set_identifier(int place, std::string_view string);
};

/* The part of a foreign id that goes into an index: an entry of a btree must fit into a third of a
 * page, and nobody promises how long such ids are. */
text *indexable_identifier(std::string_view identifier);

/*
 * What one statement returned: a value, good until SPI_finish(), whatever runs after it.
 *
 * Rows count from 0, columns from 1. To read a row or a column that is not there is an error
 * (XX000), and so is a value whose type cannot be read as what is asked for: whoever owns a table
 * may have changed its columns, or put a trigger on it that leaves rows out.
 */
class Result
{
public:
	/* The rows that were returned; without RETURNING, those that were changed. */
	uint64
	count() const
	{
		return count_;
	}
	bool
	empty() const
	{
		return count_ == 0;
	}

	bool is_null(uint64 row, int column) const;
	Datum datum_at(uint64 row, int column, Oid type) const;
	/* 0 and false for NULL. int64_at() reads a timestamptz, too. */
	std::int64_t int64_at(uint64 row, int column) const;
	std::int32_t int32_at(uint64 row, int column) const;
	bool bool_at(uint64 row, int column) const;
	/* The bytes of a text or a document, without fetching it from its TOAST table; 0 for NULL. */
	std::size_t size_at(uint64 row, int column) const;
	/* NULL for NULL; in the caller's SPI memory. Other types than text are shown as text. */
	char *text_at(uint64 row, int column) const;
	/* The row as it is. */
	HeapTuple row_at(uint64 row) const;
	TupleDesc columns() const;

private:
	friend Result run_statement(Statement &statement, const Values &values);
	friend Result fetch_rows(Portal cursor, long count);
	friend void free_rows(const Result &rows);
	Datum value_at(uint64 row, int column, bool &null) const;
	Oid type_of(int column) const;

	SPITupleTable *table_ = nullptr;
	uint64 count_ = 0;
};

/* Between SPI_connect() and SPI_finish(). Errors are raised. */
Result run_statement(Statement &statement, const Values &values);

/* The next rows of a cursor over somebody else's query. They are good until free_rows(). */
Result fetch_rows(Portal cursor, long count);
void free_rows(const Result &rows);

/* true: the search_path may be the caller's from now on. Then each statement of ours runs with a
 * search_path of its own, and so do the triggers and constraints that it calls. It is for the
 * functions that enqueue: a SET clause of theirs would cost a tenth of each message, also of those
 * that need no statement. Returns what was expected before. */
bool expect_callers_path(bool expected);

/* In a worker, once: from now on plans are generic (see planning.hpp). */
void keep_generic_plans();

} // namespace whatsapp::pg
