/*
 * watch_rows.hpp — the rows of a statement, as a watch's query reads them.
 *
 * Of an INSERT or a DELETE they are the transition table itself. Of an UPDATE the server gives two,
 * whose rows stand in the same order: they are joined side by side, the new columns first.
 */
#pragma once

#include <cstdint>

#include "pg/watches/watch_definition.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
}

namespace whatsapp::pg
{

/* How a query names them. */
inline constexpr char watch_rows_name[] = "whatsapp_rows";

struct WatchRows {
	WatchEvent event;
	Relation relation;
	TupleDesc columns; /* of each row in the store */
	Tuplestorestate *store;
	std::int64_t count;
	std::int64_t first; /* how many stand before them in the statement */
};

/* Of an UPDATE: the columns of its pairs. */
TupleDesc pair_columns(TupleDesc row);

/* Of a statement; old_rows or new_rows is NULL where there are none. In the current memory. */
WatchRows rows_of_statement(WatchEvent event, Relation relation, Tuplestorestate *old_rows,
                            Tuplestorestate *new_rows);
/* Of one row, likewise. */
WatchRows rows_of_row(WatchEvent event, Relation relation, TupleTableSlot *old_row,
                      TupleTableSlot *new_row);
/* None, for a query that is to be checked. */
WatchRows no_rows(WatchEvent event, Relation relation);

/* The first and the second half, of at least two. */
void split_rows(const WatchRows &rows, WatchRows &left, WatchRows &right);

/* From now on, in this connection of SPI. */
void register_rows(const WatchRows &rows);

/* Who the first of them is, for people: "id=7", or its place in the statement. */
const char *describe_first_row(const WatchRows &rows);

/* The columns of the primary key, by their numbers; 0 ends them. */
const AttrNumber *primary_key_columns(Relation relation);

/* The row whose key is $1, as a watch writes it, of a table that is called whatsapp_row: (a)::text
 * = $1, or ROW(a, b)::text = $1; a = $1::integer where that is the same, since it finds the row by
 * the index. 55000 when there is no primary key: who, for the hint, needs it. */
const char *row_key_condition(Relation table, const char *who);

} // namespace whatsapp::pg
