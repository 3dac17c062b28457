/*
 * status_rows.hpp — the join of progress with a message row, for the rows that are as nearly all
 * are.
 */
#pragma once

#include <cstdint>

#include "core/webhook/progress.hpp"

#include "pg/rows/plain_table.hpp"

namespace whatsapp::pg
{

/* False when statements have to do it all; else the caller closes the table. */
bool begin_joining(PlainTable &messages);

/* What became of one row: written, as it should be already, or left to a statement. */
enum class Joined { done, left };

/* progress has a sent_at. */
Joined join(PlainTable &messages, std::int64_t message_id, const Progress &progress);

} // namespace whatsapp::pg
