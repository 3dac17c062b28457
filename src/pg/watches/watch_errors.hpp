/*
 * watch_errors.hpp — what went wrong in watches, for whatsapp_watches.
 */
#pragma once

#include "pg/watches/announce.hpp"

namespace whatsapp::pg
{

/* Raises nothing but a cancel; what cannot be written down is a WARNING. */
void record_trouble(const WatchDefinition &watch, WatchEvent event, const WatchTrouble &trouble);

} // namespace whatsapp::pg
