/*
 * webhook_event.hpp — one item of a delivery, as flat facts.
 */
#pragma once

#include <cstdint>
#include <string>

#include "core/webhook/status_facts.hpp"

namespace whatsapp
{

/* One item of a delivery. Strings are valid UTF-8 without NUL; empty means absent. What a status
 * tells is inherited; of these, a message has its own id, its time and the ids of who sent it. */
struct WebhookEvent : StatusFacts<std::string> {
	/* test: of the app's dashboard */
	enum class Kind : unsigned char { status, message, error, account, test, malformed };

	Kind kind = Kind::malformed;
	std::string field;           /* "messages", "account_update", … */
	std::string account_id;      /* entry.id: the WhatsApp Business Account */
	std::string phone_number_id; /* metadata.phone_number_id */
	std::string dedupe_key;      /* the same item again gives the same key; at most 300 bytes */
	std::string raw;             /* this item alone, as JSON that jsonb accepts */
	std::string contact; /* JSON, may be empty. message: its entry of contacts[]; status: the
	                        same, when it told an id that the status itself does not tell */
	std::string callback_data;
	std::string errors;    /* the errors array as JSON, empty when absent */
	bool is_plain = false; /* status: see plain_status.hpp */
};

} // namespace whatsapp
