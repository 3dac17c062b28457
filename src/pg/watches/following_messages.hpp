/*
 * following_messages.hpp — messages that are due at a time which their row says, and follow it: see
 * WatchDefinition::due.
 */
#pragma once

#include "pg/watches/announcement.hpp"
#include "pg/watches/watch_rows.hpp"

namespace whatsapp::pg
{

/* Cancels the pending messages of rows that are deleted, or for which there is to be none, and of
 * rows that have another key or sender now: these lose their keys. It comes before follow_rows(),
 * for all rows of a statement: the key of one row may be that of another one before. After a DELETE
 * there is nothing else to do. planned: set when the query could be started. As the extension's
 * owner, without SPI. */
void withdraw_messages(const WatchDefinition &watch, const WatchRows &rows, bool &planned);

/* Moves the pending messages of these rows to their new time and content, and cancels those whose
 * time is none. What is left in the array is to be enqueued; returns how many. Those of an INSERT
 * must have passed drop_unwanted(). */
int follow_rows(const WatchDefinition &watch, WatchEvent event, Announcement *announcements,
                int count);

/* Removes those for which there is to be no message; returns how many are left. */
int drop_unwanted(Announcement *announcements, int count);

/* Gives a message that waits the time (send_at) and the content of another one. False when it does
 * not wait, or has gone on the wire meanwhile. */
bool move_message(std::int64_t id, const NewMessage &message);

} // namespace whatsapp::pg
