/*
 * purchase_order.hpp — the message of a purchase order: template po_notification with supplier,
 * number and amount.
 */
#pragma once

#include <cstdint>

#include "pg/enqueue/messages.hpp"

#include "pg/server/boundary.hpp"

namespace whatsapp::entry
{

/* C strings in the server's memory; NULL where absent. */
struct PurchaseOrder {
	const char *supplier;
	const char *number;
	const char *amount;   /* as it is to be read, or a plain decimal when currency is set */
	const char *currency; /* NULL: amount is text already */
	/* A plain number is formatted all the same, in the default currency unless one is given. */
	bool amount_is_text;
	const char *phone;
	const char *language;
	const char *sender;
	bool has_send_at;
	std::int64_t send_at; /* TimestampTz */
	const char *idempotency_key;
	int priority = 1;
	/* of the document that the template's header shows; NULL: it has none */
	const char *document_id;
	const char *document_name;
};

/* Checks all of it and fills message.payload, all without raising; false and the reason when it
 * cannot be sent. */
bool compose_order_message(const PurchaseOrder &order, pg::NewMessage &message,
                           pg::Failure &why) noexcept;

} // namespace whatsapp::entry
