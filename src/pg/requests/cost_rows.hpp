/*
 * cost_rows.hpp — whatsapp_meta_costs, as Meta counts and charges.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* Replaces the rows of the days that the request asked for. */
const char *write_synced_costs(const AnsweredRequest &answered);

/* Asks for the days from first to last, dates that may be NULL, of an account (NULL: the default
 * one). Returns the request's id; raises 42704 for the account, 22023 for the days, 55000 when the
 * account's time zone is not known. */
std::int64_t request_costs(const char *account, const NullableDatum &first,
                           const NullableDatum &last);

} // namespace whatsapp::pg
