/*
 * parked_statuses.hpp — statuses that came before their message's wamid was known.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In a transaction. Matches parked statuses of the last seconds with messages whose wamid is of
 * this generation or newer, see wamids.hpp, and leaves them to the reader. Some at a time: false
 * when there may be more. */
bool match_parked_statuses(int seconds, std::int32_t oldest_generation);

/* Those that came and were learnt in the last half minute. */
void match_lately_parked_statuses();

} // namespace whatsapp::pg
