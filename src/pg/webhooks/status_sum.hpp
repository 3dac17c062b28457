/*
 * status_sum.hpp — what some statuses add up to, and the queue row of their message; a part of
 * status_join.cpp.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/webhook/progress.hpp"

namespace whatsapp::pg
{

/* The row of a message in the queue. none: no row was seen; removed: we have removed it; kept: it
 * waits for an attempt that these statuses say nothing about. */
enum class QueueRowState { none, removed, kept };

struct StatusSum {
	std::int64_t message_id;
	Progress progress;
	QueueRowState queue_row;
	std::int32_t attempts; /* of a row that was removed */
};

/* sums: in order of message. NULL when there is none. */
StatusSum *find_sum(StatusSum *sums, std::size_t count, std::int64_t message_id);

/* In a transaction: removes the messages that these statuses settle from the queue. Locks rows in
 * order of message. */
void dequeue_messages(StatusSum *sums, std::size_t count);

} // namespace whatsapp::pg
