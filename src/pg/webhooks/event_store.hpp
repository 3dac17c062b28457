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

/* The same for one event whose status could not be applied: that is left to the reader, too. */
void store_event_for_reader(const Event &event);

/* The same once more for those of a delivery that the database would not take, with the table
 * locked against changes of its triggers until the transaction ends. Whether all are there then;
 * which errors there were is not told. */
bool store_refused_events(const Event *events, std::size_t count);

/* Why a body is kept whole, for people to look at: its kind in whatsapp_events. */
inline constexpr char malformed_body[] = "malformed"; /* it is no delivery */
inline constexpr char refused_body[] = "refused"; /* the database would not take what is in it */

/* Repeats are absorbed. */
void put_body_aside(const char *bytes, std::size_t size, const char *kind);

} // namespace whatsapp::pg
