/*
 * event_key.hpp — by what an event is known when it comes again.
 */
#pragma once

#include "core/webhook/signature.hpp"

namespace whatsapp
{

struct WebhookEvent;

/*
 * The same item again has the same key. Keys of statuses grow with the minute that they tell, of
 * which their identity is made, too: those of one time share few pages of the index, where the keys
 * of a hash alone touch all of them, and each page is logged whole after a checkpoint. Throws as
 * make_fingerprint().
 */
Fingerprint make_event_key(const WebhookEvent &event);

} // namespace whatsapp
