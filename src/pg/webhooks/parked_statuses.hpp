/*
 * parked_statuses.hpp — statuses that came before their message's wamid was known.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In a transaction: matches parked statuses that came in the last seconds with messages whose wamid
 * is of this generation or newer (see wamids.hpp), and leaves them to the reader. At most a
 * thousand in one call: false when there may be more. */
bool match_parked_statuses(int seconds, std::int32_t oldest_generation);

/* The same for statuses that came, and wamids that were learnt, in the last half minute. */
void match_lately_parked_statuses();

} // namespace whatsapp::pg
