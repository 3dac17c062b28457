/*
 * number_rows.hpp — whatsapp_business_accounts and whatsapp_numbers as Meta's API tells them.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

/* Writes the account, or a page of numbers. After the last page, numbers that were on none of them
 * are marked as gone. */
const char *write_synced_numbers(const AnsweredRequest &answered);

} // namespace whatsapp::pg
