/*
 * callback_guard.hpp — a function that will not end: it catches the cancel, again and again.
 *
 * Then the process ends, which nothing can catch. What it had in hand stands in shared memory, and
 * the next reader pauses that callback, so that it happens once.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Around the calls of a turn; each call begins its time anew. */
void guard_callback(std::int64_t callback);
void begin_guarded_call(int timeout_ms);
void release_callback();

/* In the reader, at its start: pauses the callback with which the last one ended, if any. */
void blame_left_callback();

} // namespace whatsapp::pg
