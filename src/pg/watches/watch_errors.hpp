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
	bool given_up; /* nothing more of the statement is tried */
};

/* True when somebody wants the statement to stop. A statement_timeout is not that: it is the
 * watch's own fault, and is recorded. */
bool somebody_cancels(const Problem &problem);

/* True for an error after which nothing of the statement is tried again: its time is over, and no
 * further time-out would end an attempt that takes too long; or each attempt would wait as long for
 * a lock. */
bool ends_the_attempts(const Problem &problem);

/* Raises nothing; what cannot be written down is a WARNING. */
void record_trouble(const WatchDefinition &watch, WatchEvent event, const WatchTrouble &trouble);

/* As the extension's owner, with SPI connected. */
void forget_watch_errors(const char *watch_name);

} // namespace whatsapp::pg
