/*
 * sync_schedule.hpp — when templates, numbers, tokens and costs are read from Meta without anybody
 * asking.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Reader side, each in a transaction. */

/* For each account whose id is known: asks for a sync of templates and numbers when the last one is
 * older than max_age_ms. What the token may do and what was charged has an age of its own,
 * max_daily_age_ms: neither changes within a day, and the start of a reader is no reason to ask. */
void request_due_syncs(std::int64_t max_age_ms, std::int64_t max_daily_age_ms);

/* A webhook has told about a template of that account (NULL: the default one): what it does not
 * tell is read soon. Several of them make one sync. */
void request_template_sync_soon(const char *account);

} // namespace whatsapp::pg
