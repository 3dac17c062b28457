/*
 * row_update.hpp — rows of ours changed in place of an UPDATE, by the rule of row_insert.hpp: as
 * long as the table is as it was made.
 */
#pragma once

#include <cstdint>

#include "pg/key_lookup.hpp"
#include "pg/row_insert.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace whatsapp::pg
{

struct RowUpdate {
	Relation relation;
	const RowShape *shape;
	KeyLookup lookup;
	EState *state;
	ResultRelInfo *result;
	TupleTableSlot *slot;
	MemoryContext memory; /* of one row */
};

/* shape: the columns that are looked at or changed. key: bigint and unique. quiet_trigger: a
 * function of ours that an update may leave out. False when a statement has to do it. */
bool begin_update(RowUpdate &update, RowShape &shape, const char *key, const char *quiet_trigger);

/* Finds a row; its columns, in the order of the shape, are valid until the next call. */
bool read_row(RowUpdate &update, std::int64_t key, Datum *values, bool *nulls);

/* Writes the row that was read last. False when somebody else has changed it meanwhile: a statement
 * knows what to do. */
bool write_row(RowUpdate &update, const Datum *values, const bool *nulls);

void end_update(RowUpdate &update);

} // namespace whatsapp::pg
