/*
 * account_events.hpp — what Meta says about templates, numbers and accounts, written where it is
 * looked for: whatsapp_templates and whatsapp_senders.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In a worker's transaction. raw: the change as JSON; at: TimestampTz of the entry. An account that
 * is none of ours changes nothing. */
void apply_account_event(const char *raw, const char *business_account_id, std::int64_t at);

} // namespace whatsapp::pg
