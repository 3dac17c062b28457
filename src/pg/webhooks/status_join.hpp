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
	StatusReport report; /* with a time */
};

/* In a transaction. Sorts statuses. The row of each message becomes the join of what it was and of
 * all its statuses, whatever their order and number. */
void apply_statuses(MessageStatus *statuses, std::size_t count);

} // namespace whatsapp::pg
