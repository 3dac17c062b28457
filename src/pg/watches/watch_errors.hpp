/*
 * watch_errors.hpp — what went wrong in watches, for whatsapp_watches.
 */
#pragma once

#include <cstdint>

#include "pg/server/transaction.hpp"
#include "pg/watches/watch_definition.hpp"

namespace whatsapp::pg
{

/* What an error in a watch did to a statement. */
struct WatchTrouble {
	std::int64_t rows; /* that were not announced; 0 is none */
	Problem problem;   /* of the first */
	char first_row[512];
};

/* Raises nothing; what cannot be written down is a WARNING. */
void record_trouble(const WatchDefinition &watch, WatchEvent event, const WatchTrouble &trouble);

} // namespace whatsapp::pg
