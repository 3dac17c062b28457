/*
 * event_key.cpp — for a status 24 bits of its time and 104 bits of a hash, else a hash.
 */
#include "core/webhook/event_key.hpp"

#include <cstdint>

#include "core/webhook/webhook_event.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

Fingerprint
make_event_key(const WebhookEvent &event)
{
	Fingerprint key = make_fingerprint(event.dedupe_key);
	if (event.kind != WebhookEvent::Kind::status)
		return key;
	/* 64 seconds; it begins anew after 34 years, when nobody remembers an event of today */
	const auto minute = static_cast<std::uint64_t>(event.timestamp) >> 6;
	key[0] = static_cast<unsigned char>(minute >> 16);
	key[1] = static_cast<unsigned char>(minute >> 8);
	key[2] = static_cast<unsigned char>(minute);
	return key;
}

} // namespace whatsapp
