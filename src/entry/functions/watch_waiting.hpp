/*
 * watch_waiting.hpp — the arguments of wa_watch() that say for what its messages wait: hours,
 * another change, other rows.
 */
#pragma once

#include "pg/watches/watch_definition.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace whatsapp::entry
{

/* Reads the arguments from index on: send_window, time_zone, debounce, max_wait, digest, separator,
 * body, language_fallback. Raises 22023 for those that do not go together. */
void read_waiting(FunctionCallInfo fcinfo, int index, pg::WatchDefinition &watch);

/* Raises 22007 for hours that cannot be read, 22023 for a time zone that is not known. As the
 * extension's owner, with SPI connected. */
void check_hours(const pg::WatchDefinition &watch);

/* Raises 55000 when the message of a row could not be found again. */
void check_debounce(const pg::WatchDefinition &watch, Relation table);

} // namespace whatsapp::entry
