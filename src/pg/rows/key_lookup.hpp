/*
 * key_lookup.hpp — rows by a unique key, without a statement: for a batch that asks for each of its
 * keys.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
}

namespace whatsapp::pg
{

struct KeyLookup {
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	RegProcedure equal;
};

/* As the active snapshot sees the table. False when it has no plain unique index on that column
 * alone: then a statement has to ask. equal: the = of the column's type. */
bool begin_lookup(KeyLookup &lookup, Relation table, const char *column, RegProcedure equal);

/* Whether there is such a row; it is in the slot until the next call. */
bool look_up(KeyLookup &lookup, Datum key);

void end_lookup(KeyLookup &lookup);

} // namespace whatsapp::pg
