/*
 * row_insert.hpp — one row straight into a table of ours.
 *
 * An INSERT by SPI reads each CHECK from its stored text, plans projections and opens the table
 * anew for every call: for one row, several times the cost of the row. So a row goes in as a COPY
 * would put it, as long as the table is as the install script made it.
 */
#pragma once

#include "pg/rows/table_shape.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

/* The values of a row, in the order of its table's shape. */
struct Row {
	const Datum *values;
	const bool *nulls;
};

/* A row that is being filled; each column is NULL until it is set. */
template <int columns> struct NewRow {
	Datum values[columns];
	bool nulls[columns];

	void
	clear()
	{
		memset(nulls, true, sizeof nulls);
	}
	void
	set(int column, Datum value)
	{
		values[column] = value;
		nulls[column] = false;
	}
	/* NULL stays NULL. */
	void
	set_text(int column, const char *text)
	{
		if (text != nullptr)
			set(column, CStringGetTextDatum(text));
	}
	Row
	row() const
	{
		return {values, nulls};
	}
};

/* Opens the table for insert_row(); NULL when the row has to be inserted by a statement. */
Relation open_to_insert(TableShape &shape);

/* To be called after open_to_insert(). Raises what an INSERT would raise. The caller closes the
 * table, and keeps the lock. */
void insert_row(Relation relation, TableShape &shape, const Row &row);

/* The same for many: a page of them is written at once, and logged once. */
void insert_rows(Relation relation, TableShape &shape, const Row *rows, int count);

} // namespace whatsapp::pg
