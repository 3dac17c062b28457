/*
 * moved_row.hpp — a row that an UPDATE or MERGE moves to another partition comes to the triggers of
 * rows as a DELETE and, right behind it, an INSERT. It is no new row.
 */
#pragma once

struct TriggerData;

namespace whatsapp::entry
{

/* Of a DELETE: remembers a row that is moved. */
void note_moved_row(const TriggerData &call);

/* Of an INSERT: whether the row is the one that was remembered. */
bool is_moved_row(const TriggerData &call);

} // namespace whatsapp::entry
