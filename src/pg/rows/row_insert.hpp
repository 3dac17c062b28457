/*
 * row_insert.hpp — one row straight into a table of ours.
 *
 * An INSERT by SPI reads each CHECK from its stored text, plans projections and opens the table
 * anew for every call: for one row, several times the cost of the row. So a row whose columns we
 * know goes in as a COPY would put it. Where the table is not as the install script made it (a
 * user's trigger, constraint, default or policy), the INSERT has to do it.
 */
#pragma once

#include "pg/rows/own_table.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace whatsapp::pg
{

/* The values of a row, in the order of its shape. */
struct Row {
	const Datum *values;
	const bool *nulls;
};

/* An index of plain columns, and where in the shape they are; -1 for one that is not set. */
struct RowIndex {
	Oid relation;
	IndexInfo *info;
	int place[INDEX_MAX_KEYS];
};

inline constexpr int max_row_indexes = 8;

/* The columns that are set, in the order of the values; all others are NULL. A static. */
struct RowShape {
	OwnTable table;
	int checks; /* CHECK constraints that the install script made, and the values keep */
	int columns;
	const char *const *names;
	/* found out when first used, and anew when the table or the user changes */
	unsigned learnt = 0;
	Oid user = InvalidOid;
	int attributes = 0;
	int16 numbers[24] = {};
	/* those that the row has a place in; -1 when only the executor knows how to fill them */
	int indexes = -1;
	RowIndex index[max_row_indexes] = {};
	MemoryContext memory = nullptr;
};

/* Opened for writing; NULL when the row has to go the long way. */
Relation open_plain(RowShape &shape);

/* Raises what an INSERT would raise. To be called once at least after open_plain(); the caller
 * closes the table, and keeps the lock. */
void insert_row(Relation relation, RowShape &shape, const Row &row);

/* The same for many: a page of them is written at once, and logged once. */
void insert_rows(Relation relation, RowShape &shape, const Row *rows, int count);

} // namespace whatsapp::pg
