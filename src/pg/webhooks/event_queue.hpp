/*
 * event_queue.hpp — what the listener leaves to the reader: rows of whatsapp_event_queue.
 *
 * The listener only notes that there is something to do, in the commit that stores the event.
 */
#pragma once

#include "pg/server/columns.hpp"
#include "pg/webhooks/event.hpp"

namespace whatsapp::pg
{

bool reader_wants_event(const Event &event);

/* In the transaction that stored them; the reader is woken at its commit. */
void queue_events(const Column &event_ids);

} // namespace whatsapp::pg
