/*
 * event_rows.hpp — events into their table, each once.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/webhooks/events.hpp"

namespace whatsapp::pg
{

struct StoredEvent {
	const Event *event;
	std::int64_t id;
	std::int64_t message_id; /* of a status: the message it is about; 0 when it is not known */
};

/* events: in order of key, each key once. Writes those that were not there yet to stored, which has
 * room for all of them, and returns how many. */
std::size_t insert_events(const Event *const *events, std::size_t count, StoredEvent *stored);

/* The order of keys. */
bool key_before(const Event *left, const Event *right);

} // namespace whatsapp::pg
