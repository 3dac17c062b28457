/*
 * directory.hpp — whose number and whose account a webhook speaks of. The default ones need no row:
 * their ids are secrets' neighbours, files or environment variables.
 */
#pragma once

namespace whatsapp::pg
{

/* In a worker's transaction. The sender of that phone number, NULL when it is none of ours; in the
 * SPI memory of the caller. */
const char *sender_of(const char *phone_number_id);

/* False when that WhatsApp Business Account is none of ours. account: its name, NULL for the
 * default one. */
bool account_of(const char *business_account_id, const char *&account);

} // namespace whatsapp::pg
