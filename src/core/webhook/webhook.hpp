/*
 * webhook.hpp — a delivery of Meta's, JSON to events: all entries × changes × items, one bad item
 * never losing the others.
 *
 * Hostile bytes by assumption. A SAX pass bounds depth (32), values (50,000), keys (256 bytes) and
 * strings (64 KiB) before any tree is built: copying or printing a deep nlohmann tree overflows the
 * stack, which would restart the whole database cluster.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

inline constexpr std::size_t max_webhook_depth = 32;
inline constexpr std::size_t max_webhook_values = 50000;

/* One item of a delivery. Strings are valid UTF-8 without NUL; empty means absent. */
struct WebhookEvent {
	enum class Kind : unsigned char { status, message, error, account, malformed };

	Kind kind = Kind::malformed;
	std::string field;           /* "messages", "account_update", … */
	std::string account_id;      /* entry.id: the WhatsApp Business Account */
	std::string phone_number_id; /* metadata.phone_number_id */
	std::string dedupe_key;      /* the same item again gives the same key; at most 300 bytes */
	std::string raw;             /* this item alone, as JSON that jsonb accepts */
	std::string contact;        /* JSON, may be empty. message: its entry of contacts[]; status: the
	                               same, when it told an id that the status itself does not tell */
	std::int64_t timestamp = 0; /* Unix seconds; 0 when absent or unreadable */

	std::string wamid; /* status: of the message it is about; message: its own id */
	std::string
	    status; /* status only: sent, delivered, read, played, failed or a word that is new to us */
	std::string callback_data;
	std::string wa_id;   /* status: recipient_id; message: from; else as contacts[] tells it */
	std::string user_id; /* recipient_user_id, from_user_id; else as contacts[] tells it */
	std::string conversation_id;
	std::string pricing_category;
	std::string pricing_type;
	std::string pricing_model;
	int billable = -1;  /* pricing.billable: 0, 1, or -1 where nobody said */
	std::string errors; /* the errors array as JSON, empty when absent */
};

/*
 * Faults: invalid_json when the body is no JSON object or breaks a limit above; the caller
 * puts it aside and still answers 200. Items of an unknown shape come back as Kind::malformed or
 * Kind::account with their raw JSON, never as a Fault.
 */
std::vector<WebhookEvent> parse_webhook(std::string_view body);

/* One status again, from the raw JSON and the contact that an earlier parse_webhook() gave.
 * Kind::malformed, and raw empty, for what is none. */
WebhookEvent parse_status(std::string_view raw, std::string_view contact);

} // namespace whatsapp
