/*
 * statuses.hpp — status events joined with the message rows they are about.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/webhooks/events.hpp"

namespace whatsapp::pg
{

struct StatusOf {
	const Event *event;
	std::int64_t message_id;
	/* Unix seconds, for an event that has no time of its own */
	std::int64_t received_at;
};

/* In a transaction. Sorts items. The row of each message becomes the join of what it was and of all
 * its items, whatever their order and number. */
void apply_statuses(StatusOf *items, std::size_t count);

} // namespace whatsapp::pg
