/*
 * callback_turn.hpp — calls that are made by the reader.
 *
 * One callback has its turn: a hundred calls at most, a second, or the call that takes too long.
 * Then the reader's other work goes on, and the next callback is served. Each call is a transaction
 * together with the deletion of its row: whatever it wrote is there exactly when the call is done
 * with.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* next_due_ms: when there is something to do again, -1 for never. */
void take_callback_turn(std::int64_t &next_due_ms);

} // namespace whatsapp::pg
