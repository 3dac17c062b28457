/*
 * campaign_pauses.hpp — which campaigns send nothing, as the sender knows it; a part of queue.hpp.
 *
 * Rows of a paused campaign stay in the queue as they are: to pause or to resume one writes or
 * deletes one row, however many messages it has. The sender looks at the table before each claim.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In a transaction, with SPI connected: reads the pauses again when the table has changed. True
 * when others are paused now. */
bool look_at_campaign_pauses();

/* The transaction of the last look has failed: it counts for nothing. */
void forget_campaign_pauses();

/* By the last look, and the time at which the transaction began. id: a campaign_id that is not
 * NULL. */
bool is_campaign_paused(std::int64_t id);

/* All paused campaigns as an array for a statement (bigint[]), in the current memory context. */
std::uintptr_t paused_campaigns();

} // namespace whatsapp::pg
