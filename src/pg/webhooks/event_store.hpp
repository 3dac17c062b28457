/*
 * event_store.hpp — what webhooks tell, stored once, and what is done about it: statuses at once
 * and all together, the rest by the reader (event_queue.hpp).
 */
#pragma once

#include <cstddef>

#include "pg/webhooks/event.hpp"

namespace whatsapp::pg
{

/* In a transaction: stores the events that are new, applies the statuses among them, and leaves the
 * others to the reader. It locks queue rows before message rows, in order of message id. A status
 * whose message is not known yet stays parked. The time goes into statements and not into events,
 * so many deliveries in one call are better than one after the other. */
void store_events(const EventRun *runs, std::size_t count);

/* The same for one event whose status could not be applied: that is left to the reader, too. */
void store_event_for_reader(const Event &event);

/* For a delivery that the database has refused: the same for each of its events alone. The table is
 * locked against changes of its triggers until the transaction ends. True when all of them are
 * stored then; errors are not told. */
bool store_refused_events(const Event *events, std::size_t count);

/* Why a body is kept whole, for people to look at: its kind in whatsapp_events. */
inline constexpr char malformed_body[] = "malformed"; /* it is no delivery */
inline constexpr char refused_body[] = "refused"; /* the database would not take what is in it */

/* A body that is there already is not stored again. */
void put_body_aside(const char *bytes, std::size_t size, const char *kind);

} // namespace whatsapp::pg
