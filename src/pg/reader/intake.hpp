/*
 * intake.hpp — what the reader does about events: messages into whatsapp_inbound, keywords and
 * preferences into whatsapp_opt_outs, changes of templates, numbers and accounts.
 *
 * Users' triggers on whatsapp_inbound run here, each in a subtransaction of its own: one that
 * fails, hangs or asks for a lock costs its own event a later attempt, and Meta its answer never.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Everything that is due, some of it: call it again while it returns true. Makes transactions of
 * its own. next_due_ms: until the next event is due, -1 when there is none. */
bool work_off_event_queue(std::int64_t &next_due_ms);

} // namespace whatsapp::pg
