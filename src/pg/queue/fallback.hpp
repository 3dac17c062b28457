/*
 * fallback.hpp — a message whose window is closed becomes its fallback template; a part of
 * queue.hpp.
 */
#pragma once

#include <string_view>

#include "pg/queue/queue.hpp"

namespace whatsapp::pg
{

/* The code with which Meta says that the window is closed. */
inline constexpr std::int64_t window_closed_code = 131047;

/* Of the claims whose window is closed, those that have a fallback become it: the template is sent
 * instead. Copies live in `memory`. In the transaction that marks them. */
void take_fallbacks(Claims &claims, MemoryContextData *memory);

/* For messages that were sent, and of which a webhook tells that their window was closed: those
 * that have a fallback become it, and are queued again. ids: in order; wamids: of the attempts that
 * the webhook is about. Sets fallen_back for those. */
void take_late_fallbacks(const std::int64_t *ids, const std::string_view *wamids, std::size_t count,
                         bool *fallen_back);

/* For a message whose row of the queue is locked: whether it has a fallback; and makes it its
 * fallback. */
bool has_fallback(std::int64_t message_id);
void take_fallback(std::int64_t message_id);

} // namespace whatsapp::pg
