/*
 * event_reading.hpp — from what core has read of a delivery to plain records.
 */
#pragma once

#include <cstddef>

#include "core/answer/outcome.hpp"
#include "core/webhook/webhook.hpp"

#include "pg/webhooks/event.hpp"

namespace whatsapp::pg
{

/* Inside run_body() or try_body() only. Views into event and failure, which must live as long. */
Event make_event(const WebhookEvent &event, const Outcome &failure);

/* The key of a body that is kept whole. */
void fingerprint_body(const char *bytes, std::size_t size, unsigned char (&key)[16]);

/* Reads whatsapp_events.raw and contact (NULL for none); the texts of report are copied into the
 * server's memory. False when that is no status. */
bool read_stored_status(const char *raw, const char *contact, StatusReport &report);

} // namespace whatsapp::pg
