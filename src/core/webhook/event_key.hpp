/*
 * event_key.hpp — by what an event is known when it comes again.
 */
#pragma once

#include "core/webhook/signature.hpp"

namespace whatsapp
{

struct WebhookEvent;

/*
 * The same item has the same key when it comes again. The key of a status begins with its time, in
 * steps of 64 seconds, which is part of its identity anyhow. So statuses of one time lie on few
 * pages of the unique index. Plain hashes would touch pages all over the index, and each page is
 * logged whole when it is touched first after a checkpoint. Throws as make_fingerprint() does.
 */
Fingerprint make_event_key(const WebhookEvent &event);

} // namespace whatsapp
