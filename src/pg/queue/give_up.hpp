/*
 * give_up.hpp — messages that fail without an answer, out of the queue; a part of queue.hpp.
 */
#pragma once

#include <cstdint>

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* found: message_id and attempts of rows of the queue, which are locked. Deletes them, and makes
 * their messages FAILED with this reason; but not those whose message somebody else has locked.
 * Returns how many. */
std::uint64_t give_up_entries(const Result &found, const char *message, const char *hint);

/* Behind begin_epoch(): a message that was on the wire at three unclean ends of a sender is FAILED.
 */
void park_poison();

} // namespace whatsapp::pg
