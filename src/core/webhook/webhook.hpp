/*
 * webhook.hpp — a delivery of Meta's, JSON to events: all entries × changes × items, one bad item
 * never losing the others.
 *
 * The bytes may be hostile: time and memory grow with the length of the body alone. Depth (32),
 * values (50,000), keys (256 bytes) and strings (64 KiB) are limited while the body is read, before
 * a tree is made of any item: copying or printing a deep nlohmann tree overflows the stack, which
 * would restart the whole database cluster.
 */
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/webhook/webhook_event.hpp"

namespace whatsapp
{

inline constexpr std::size_t max_webhook_depth = 32;
inline constexpr std::size_t max_webhook_values = 50000;

struct WebhookDelivery {
	std::vector<WebhookEvent> events;
	/* something was deeper or longer than the limits above: it is not in the events, and the
	 * body is to be kept beside them */
	bool is_cut = false;
};

/*
 * A list of deliveries or changes is read like one delivery. A body that is not quite JSON is
 * mended: U+FFFD takes the place of malformed characters, a string that of a number beyond double
 * precision. Fault invalid_json when it is no JSON even then, or has too many values; the caller
 * puts such a body aside and answers 200 all the same. Items of an unknown shape come back as
 * Kind::malformed or Kind::account with their raw JSON, never as a Fault.
 */
WebhookDelivery read_webhook(std::string_view body);
std::vector<WebhookEvent> parse_webhook(std::string_view body);

/* One status again, from the raw JSON and the contact that an earlier parse_webhook() gave.
 * Kind::malformed, and raw empty, for what is none. */
WebhookEvent parse_status(std::string_view raw, std::string_view contact);

} // namespace whatsapp
