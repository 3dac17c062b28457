/*
 * reminders.hpp — the pending messages of a watch that has a due time, found without their rows: by
 * their keys, which begin with the name of the watch, or by the notes of its status_column.
 */
#pragma once

#include <cstdint>

#include "pg/watches/watch_definition.hpp"

namespace whatsapp::pg
{

/* After a TRUNCATE of the watched table. Their keys are free then: a row that is loaded again has a
 * reminder again. In record mode nothing is raised but a cancel by somebody; what went wrong is
 * recorded. In reject mode an error is raised; that there may be messages which nothing tells from
 * others is recorded there, too. As the extension's owner, without SPI. */
void cancel_reminders(const WatchDefinition &watch);

/* Tells how many there are and stay, and how they are cancelled. As the extension's owner, with SPI
 * connected. */
void tell_of_reminders(const WatchDefinition &watch);

} // namespace whatsapp::pg
