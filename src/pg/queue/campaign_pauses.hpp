/*
 * campaign_pauses.hpp — which campaigns send nothing, as the sender knows it; a part of queue.hpp.
 *
 * Rows of a paused campaign stay in the queue as they are: to pause or to resume one writes or
 * deletes one row, however many messages it has. What is paused is asked for each claim.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In a transaction, with SPI connected: reads them again when the table is not as it was. True when
 * others are paused now. */
bool look_at_campaign_pauses();

/* The transaction of the last look has failed: it counts for nothing. */
void forget_campaign_pauses();

/* As of the last look, and of the transaction's time; id is a campaign_id that is not NULL. */
bool is_campaign_paused(std::int64_t id);

/* All of them as an array for a statement (bigint[]), in the current memory context. */
std::uintptr_t paused_campaigns();

} // namespace whatsapp::pg
