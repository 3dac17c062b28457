/*
 * row_insert.hpp — one row straight into a table of ours.
 *
 * An INSERT by SPI reads each CHECK from its stored text, plans projections and opens the table
 * anew for every call: for one row, several times the cost of the row. So a row whose columns we
 * know goes in as a COPY would put it. Where the table is not as the install script made it (a
 * user's trigger, constraint, default or policy), the INSERT has to do it.
 */
#pragma once

#include <cstddef>

#include "pg/prelude.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace whatsapp::pg
{

/* The columns that are set, in the order of the values; all others are NULL. A static. */
struct RowShape {
	const char *table;
	int checks; /* CHECK constraints that the install script made, and the values keep */
	int columns;
	const char *const *names;
	/* found out when first used, and anew when the table changes */
	Oid relation = InvalidOid;
	int attributes = 0;
	int16 numbers[24] = {};
};

/* False when one of the columns is not there. */
bool find_columns(Relation relation, RowShape &shape);

/* Opened for writing; NULL when the row has to go the long way. */
Relation open_plain(RowShape &shape);

/* Many rows: their tuples share pages and log records. fill() is called for each place in order,
 * and sets the values and nulls of its row; what it allocates goes when its tuples are written. */
void insert_rows(Relation relation, const RowShape &shape, std::size_t count,
                 void (*fill)(void *self, std::size_t place, Datum *values, bool *nulls),
                 void *self);

/* Raises what an INSERT would raise; the caller closes the table, and keeps the lock. */
void insert_row(Relation relation, const RowShape &shape, const Datum *values, const bool *nulls);

} // namespace whatsapp::pg
