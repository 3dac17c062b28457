/*
 * request_rows.hpp — what the answers to requests change in the tables, besides their own rows: a
 * writer for each kind that has something to write.
 */
#pragma once

#include <cstdint>

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

/* In a transaction. Returns the text for the column result; NULL: it has what the kind says. */
const char *write_request_rows(const AnsweredRequest &answered);

/* In a transaction, for a request that has failed for good. */
void write_request_failure(const char *kind, std::int64_t id, const char *message);

} // namespace whatsapp::pg
