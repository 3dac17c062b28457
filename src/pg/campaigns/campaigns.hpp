/*
 * campaigns.hpp — what is done with a campaign that is there: paused, resumed, called off, tried
 * again.
 *
 * To pause writes one row, which the sender sees before its next claim: the campaign's rows in the
 * queue stay as they are, and no lock of theirs is asked for.
 */
#pragma once

#include <cstdint>

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* All in the caller's transaction, with SPI connected. Raise 42704 for an unknown campaign. */

/* False when it is paused, or nothing is pending. reason: NULL where there is none. */
bool pause_campaign(std::int64_t id, const char *reason);
/* False when it is not paused. */
bool resume_campaign(std::int64_t id);
/* Returns how many messages are pending: none of them is sent any more, and the reader calls them
 * off. */
std::int64_t cancel_campaign(std::int64_t id);
/* Sends failed messages again: those with one of the codes (a bigint[]), or with any_code all of
 * which it is known that they did not arrive. Returns how many. Raises 55000 for a campaign that
 * was cancelled. */
std::int64_t retry_campaign(std::int64_t id, std::uintptr_t codes, bool any_code);
/* What that would do, one row: messages, left_out, errors, cost. Writes nothing. */
Result show_retry(std::int64_t id, std::uintptr_t codes, bool any_code);

} // namespace whatsapp::pg
