/*
 * account_events.hpp — what Meta says about templates, numbers and accounts, written where it is
 * looked for: whatsapp_templates and whatsapp_senders.
 */
#pragma once

#include "pg/reader/inbound.hpp"

namespace whatsapp::pg
{

/* In a worker's transaction. An account that is none of ours changes nothing. */
void apply_account_event(const InboxTask &task);

} // namespace whatsapp::pg
