/*
 * fallback.hpp — a message whose window is closed becomes its fallback template; a part of
 * queue.hpp.
 */
#pragma once

#include "pg/queue/queue.hpp"

namespace whatsapp::pg
{

/* The code with which Meta says that the window is closed. */
inline constexpr std::int64_t window_closed_code = 131047;

/* Of the claims whose window is closed, those that have one: what is sent is the template. Copies
 * live in memory. In the transaction that marks them. */
void take_fallbacks(Claims &claims, MemoryContextData *memory);

/* Of a message whose row of the queue is locked: whether it has one, and that it is it now. */
bool has_fallback(std::int64_t message_id);
void take_fallback(std::int64_t message_id);

} // namespace whatsapp::pg
