/*
 * intake.hpp — what the reader does about events: messages into whatsapp_inbound, keywords and
 * preferences into whatsapp_opt_outs, changes of templates, numbers and accounts.
 *
 * Users' triggers on whatsapp_inbound run here, each in a subtransaction of its own: if one fails,
 * hangs or waits for a lock, its own event is tried again later. Meta never waits for them: it has
 * its answer already.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Acts upon some of the events that are due; to be called again while it returns true. Makes
 * transactions of its own. next_due_ms: until the next event is due, -1 when there is none. */
bool work_off_event_queue(std::int64_t &next_due_ms);

} // namespace whatsapp::pg
