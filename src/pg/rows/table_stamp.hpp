/*
 * table_stamp.hpp — whether a small table of ours is as it was when it was last looked at.
 *
 * To walk over a page of rows costs a hundredth of a statement that reads them.
 */
#pragma once

#include <cstdint>

#include "pg/rows/own_table.hpp"

namespace whatsapp::pg
{

/* A static. */
struct TableStamp {
	OwnTable table;
	std::uint64_t value = 0; /* 0: never looked at */

	explicit constexpr TableStamp(const char *name) : table(name) {}
};

/* In a transaction; compares what has been committed by now, and what this transaction did, with
 * the last call. What it says is forgotten by the caller when the transaction fails. */
bool has_changed(TableStamp &stamp);

} // namespace whatsapp::pg
