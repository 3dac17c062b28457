/*
 * status_columns.hpp — the columns of whatsapp_messages that statuses change, and the rule by which
 * each is joined with what the row has; a part of status_join.cpp.
 */
#pragma once

#include <cstddef>

#include "pg/server/statement.hpp"
#include "pg/webhooks/status_sum.hpp"

namespace whatsapp::pg
{

struct FailedMessage {
	const StatusSum *sum;
	const StatusReport *report;
};

/* In a transaction; each is one statement. The items are in order of message. join_progress(): one
 * sum for each message; returns how many rows it has changed. */
std::size_t join_progress(const StatusSum *const *sums, std::size_t count);
/* There may be several failures of one message. */
void join_failures(const FailedMessage *const *failures, std::size_t count);

} // namespace whatsapp::pg
