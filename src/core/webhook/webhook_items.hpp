/*
 * webhook_items.hpp — one item of a delivery as an event: a status, a message, an error, a change
 * of an account, or what is none of these.
 *
 * What an item costs is bounded by its own bytes: of what belongs to many items (ids, a contact,
 * the time of an entry) each gets a short copy, or a delivery of 400 kB would become one of 160 MB.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_view.hpp"
#include "core/webhook/webhook_event.hpp"

namespace whatsapp
{

/* An element of contacts[]. Each item of the change may get a copy of it, so none of it is long. */
struct SharedContact {
	std::string wa_id;
	std::string user_id;
	std::string text; /* JSON */
};

/* What all items of one change have in common; views into the delivery. */
struct ItemContext {
	std::string field;
	std::string account_id;
	std::string phone_number_id;
	std::vector<SharedContact> persons;
	/* the index in persons, by wa_id and by user_id. A map and no hash table: whoever made the
	 * delivery chose the ids, and could make all their hashes collide */
	std::map<std::string_view, std::size_t> contacts;
	/* the time of the entry as JSON, empty when there is none or when it is too long for a time;
	 * and the same or its digest, for the key of an event */
	std::string time;
	std::string time_key;
	std::int64_t timestamp = 0;
	bool plain = true; /* JsonDocument::plain */
};

/* A name that many items share: what is too long for one is cut. */
std::string name_of(const JsonNode *value);
void read_entry_time(ItemContext &context, const JsonNode *time);
void read_contacts(ItemContext &context, const JsonNode *value);

WebhookEvent malformed_event(const ItemContext &context, const JsonNode &item);
/* A change that came without a delivery around it. */
WebhookEvent test_event(const ItemContext &context, const JsonNode &change);
/* The recipient of a status may be a phone number or a group id; since there are user names, there
 * may be none at all. */
WebhookEvent status_event(const ItemContext &context, const JsonNode &item);
WebhookEvent message_event(const ItemContext &context, const JsonNode &item);
WebhookEvent error_event(const ItemContext &context, const JsonNode &item);
/* Anything but messages: templates, numbers, the account itself, and what is yet to come. */
WebhookEvent account_event(const ItemContext &context, const JsonNode &change);

SharedContact read_contact(const JsonNode &contact, bool plain);
/* Fills ids that the event lacks; whether the contact told something new. */
bool complete_ids(WebhookEvent &event, const SharedContact &contact);

} // namespace whatsapp
