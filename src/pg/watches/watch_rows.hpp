/*
 * watch_rows.hpp — the rows of a statement, as a watch's query reads them.
 *
 * Of an INSERT or a DELETE they are the transition table itself. Of an UPDATE the server gives two,
 * whose rows stand in the same order: they are joined side by side, the new columns first.
 */
#pragma once

#include <cstdint>

#include "pg/server/transaction.hpp"
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

/* True, and why, when rows_of_statement() or rows_of_row() cannot be called. It depends on the
 * table as it is now, and on the rows: so it cannot be settled when the watch is made. */
bool rows_are_unreadable(WatchEvent event, Relation relation, Tuplestorestate *old_rows,
                         Tuplestorestate *new_rows, Problem &why);

/* The rows of a statement; old_rows or new_rows is NULL where there are none. In the current
 * memory. */
WatchRows rows_of_statement(WatchEvent event, Relation relation, Tuplestorestate *old_rows,
                            Tuplestorestate *new_rows);
/* The same for one row. */
WatchRows rows_of_row(WatchEvent event, Relation relation, TupleTableSlot *old_row,
                      TupleTableSlot *new_row);
/* No rows at all, for a query that is to be checked. */
WatchRows no_rows(WatchEvent event, Relation relation);

/* The first and the second half, of at least two. */
void split_rows(const WatchRows &rows, WatchRows &left, WatchRows &right);

/* From now on, queries of this connection of SPI find the rows under watch_rows_name. */
void register_rows(const WatchRows &rows);

/* Which row the first one is, for people: "id=7", or its place in the statement. */
const char *describe_first_row(const WatchRows &rows);

/* The columns of the primary key, by their numbers; 0 ends them. */
const AttrNumber *primary_key_columns(Relation relation);

} // namespace whatsapp::pg
