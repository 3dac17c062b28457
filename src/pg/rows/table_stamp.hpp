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

/* To be a static object. */
struct TableStamp {
	OwnTable table;
	std::uint64_t value = 0; /* 0: never looked at */

	explicit constexpr TableStamp(const char *name) : table(name) {}
};

/* In a transaction: whether the table has changed since the last call, by what others have
 * committed or by this transaction. When the transaction fails, the caller has to forget the
 * answer: it is not given twice. */
bool has_changed(TableStamp &stamp);

} // namespace whatsapp::pg
