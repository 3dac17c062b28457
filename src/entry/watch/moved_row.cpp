/*
 * moved_row.cpp — the server marks the old row as moved, and writes the new one by the same command
 * of the same transaction.
 */
#include "entry/watch/moved_row.hpp"

#include "entry/watch/order_row.hpp"

extern "C" {
#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/rel.h"
}

namespace whatsapp::entry
{

namespace
{

struct Moved {
	Oid table; /* that is watched */
	TransactionId transaction;
	CommandId command;
	long rows; /* whose INSERT has not come yet */
};

Moved moved = {};

} // namespace

void
note_moved_row(const TriggerData &call)
{
	const HeapTupleHeader row = call.tg_trigtuple->t_data;
	if (!HeapTupleHeaderIndicatesMovedPartitions(row))
		return;
	const Moved now = {watched_table(call), HeapTupleHeaderGetUpdateXid(row),
	                   HeapTupleHeaderGetCmax(row), 0};
	if (moved.table != now.table || moved.transaction != now.transaction ||
	    moved.command != now.command)
		moved = now;
	moved.rows++;
}

bool
is_moved_row(const TriggerData &call)
{
	const HeapTupleHeader row = call.tg_trigtuple->t_data;
	if (moved.rows == 0 || HeapTupleHeaderGetRawXmin(row) != moved.transaction ||
	    HeapTupleHeaderGetCmin(row) != moved.command || watched_table(call) != moved.table)
		return false;
	moved.rows--;
	return true;
}

} // namespace whatsapp::entry
