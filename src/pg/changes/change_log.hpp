/*
 * change_log.hpp — changes of a status by number, for whoever follows them.
 */
#pragma once

#include <cstdint>

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* The changes after the number since, in their order: seq, message_id, status, changed_at, sender,
 * reference, error_code. Without has_since, from the oldest on. senders: of these only, as an array
 * of texts; 0 for all. As the extension's owner, with SPI connected. Raises WA017 when some after
 * since are not kept any more, of whatever sender, or when since was never a number here. */
Result read_changes(Datum senders, bool has_since, std::int64_t since, std::int32_t most);

/* In the reader: deletes changes that are older than whatsapp.keep_changes. Returns whether there
 * are more. */
bool retire_changes();

} // namespace whatsapp::pg
