/*
 * event_queue.hpp — what the listener leaves to the reader: rows of whatsapp_event_queue.
 *
 * The listener only notes that there is something to do, in the commit that stores the event. A
 * user's trigger on whatsapp_messages that fails, hangs or locks costs its own status a later
 * attempt, in the reader, and nobody else anything.
 */
#pragma once

#include "pg/server/columns.hpp"
#include "pg/webhooks/event.hpp"

namespace whatsapp::pg
{

bool reader_wants_event(const Event &event);

/* To be called in the transaction that has stored the events; its commit wakes the reader. */
void queue_events(const Column &event_ids);

/* The same for statuses that the reader has still to apply to their messages. */
void queue_statuses(const Column &event_ids);

} // namespace whatsapp::pg
