/*
 * request_rows.hpp — what the answers to requests change in the tables, besides their own rows: a
 * writer for each kind that has something to write.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

/* In a transaction. What the column result is to say; NULL: what the kind says. */
const char *write_request_rows(const AnsweredRequest &answered);

} // namespace whatsapp::pg
