/*
 * status_join.hpp — status events joined with the message rows they are about.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/webhook/progress.hpp"

namespace whatsapp::pg
{

struct MessageStatus {
	std::int64_t message_id;
	StatusReport report; /* its time must be set */
};

/* In a transaction. The row of each message becomes the join of what it was and of all its
 * statuses, whatever their order and number. Sorts the array. */
void apply_statuses(MessageStatus *statuses, std::size_t count);

} // namespace whatsapp::pg
