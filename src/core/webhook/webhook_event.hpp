/*
 * webhook_event.hpp — one item of a delivery, as flat facts.
 */
#pragma once

#include <cstdint>
#include <string>

namespace whatsapp
{

/* One item of a delivery. Strings are valid UTF-8 without NUL; empty means absent. */
struct WebhookEvent {
	/* test: of the app's dashboard */
	enum class Kind : unsigned char { status, message, error, account, test, malformed };

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
	int billable = -1;        /* pricing.billable: 0, 1, or -1 where nobody said */
	std::string pricing_cost; /* pricing.cost.amount as read_amount() has it, with its currency */
	std::string pricing_currency;
	std::string errors;    /* the errors array as JSON, empty when absent */
	bool is_plain = false; /* status: see plain_status.hpp */
};

} // namespace whatsapp
