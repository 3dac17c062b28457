/*
 * event_store.hpp — what webhooks tell, stored once, and what is done about it: statuses at once
 * and all together, the rest by the reader (event_queue.hpp).
 */
#pragma once

#include <cstddef>

#include "pg/webhooks/event.hpp"

namespace whatsapp::pg
{

/* In a transaction: stores those that are new, applies the statuses among them, queue row before
 * message row, in order of message id, and leaves the others to the reader. A status whose message
 * is not known yet stays parked. The cost is one of statements, not of events: many deliveries at
 * once are better than one after the other. */
void store_events(const EventRun *runs, std::size_t count);

/* A body that is no delivery, or that the database refuses, kept as kind malformed for people to
 * look at; repeats are absorbed. */
void put_body_aside(const char *bytes, std::size_t size);

} // namespace whatsapp::pg
