/*
 * callback_guard.hpp — for a user's function that does not end, since it catches the cancel again
 * and again.
 *
 * Then the process is ended, which no function can catch. Which callback it was stands in shared
 * memory, and the next reader pauses that callback, so that it happens only once.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* guard_callback() and release_callback() stand around the calls of a turn; begin_guarded_call()
 * starts the time of one call. */
void guard_callback(std::int64_t callback);
void begin_guarded_call(int timeout_ms);
void release_callback();

/* In the reader, at its start: pauses the callback with which the last one ended, if any. */
void blame_left_callback();

} // namespace whatsapp::pg
