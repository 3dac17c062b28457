/*
 * reading.hpp — foreign JSON that was stored earlier, read again into plain records of the server's
 * memory.
 */
#pragma once

#include <cstddef>
#include <string_view>

#include "core/answer/outcome.hpp"
#include "core/webhook/webhook.hpp"

#include "pg/webhooks/events.hpp"

namespace whatsapp::pg
{

/* Inside guarded() or attempt() only. Views into event and failure, which must live as long. */
Event view_of(const WebhookEvent &event, const Outcome &failure);

/* The key of a delivery that is kept whole. */
void fingerprint_of_body(const char *bytes, std::size_t size, unsigned char (&key)[16]);

/* False when raw is no status. */
bool read_status(const char *raw, Event &event);

/* The columns of whatsapp_inbound as JSON, see core/webhook/inbound.hpp. */
const char *read_inbound(const char *message, const char *contact);

} // namespace whatsapp::pg
