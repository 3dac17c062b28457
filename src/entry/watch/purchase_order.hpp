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
	/* amount was given as text; if it is a plain number, it is formatted all the same, in the
	 * default currency unless one is given */
	bool amount_is_text;
	const char *phone;
	/* NULL: whatsapp.default_language */
	const char *language;
	const char *sender;
	/* po_notification, or the version that it is an alias of; NULL: po_notification itself */
	const char *template_name;
	bool has_send_at;
	std::int64_t send_at; /* TimestampTz */
	const char *idempotency_key;
	int priority = 1;
	/* the document that the template's header shows; NULL: no document */
	const char *document_id;
	const char *document_name;
};

/* Finds the version of the template that is approved, where po_notification is an alias. In a
 * transaction, with the schema of the extension in use. */
void find_order_template(PurchaseOrder &order);

/* Checks all of it and fills message.payload, all without raising; false and the reason when it
 * cannot be sent. */
bool compose_order_message(const PurchaseOrder &order, pg::NewMessage &message,
                           pg::Failure &why) noexcept;

} // namespace whatsapp::entry
