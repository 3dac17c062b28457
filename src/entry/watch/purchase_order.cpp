/*
 * purchase_order.cpp — checks and payload; what is wrong with an order is checked in C++ only, so
 * that a trigger can turn a refusal into a FAILED row.
 */
#include "entry/watch/purchase_order.hpp"

#include <iterator>
#include <string>
#include <string_view>

#include "core/value/recipient.hpp"
#include "core/base/fault.hpp"
#include "core/message/limits.hpp"
#include "core/message/message.hpp"
#include "core/message/template.hpp"
#include "core/message/template_message.hpp"
#include "core/value/money.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/server/settings.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr char order_template[] = "po_notification";

std::string_view
require_value(const char *value, const char *name)
{
	if (value == nullptr)
		throw Fault(sqlstate::null_value_not_allowed, std::string(name) + " must not be null");
	return value;
}

std::string
payload_with_document(const PurchaseOrder &order, const pg::NewMessage &message,
                      const Parameter *parameters, std::size_t count)
{
	for (std::size_t i = 0; i < count; i++)
		(void)check_parameter(parameters[i].label, parameters[i].text);
	const std::string header = document_header(order.document_id, order.document_name);
	TemplateMessage whole;
	whole.name = message.template_name;
	whole.language = message.template_language;
	for (std::size_t i = 0; i < count; i++)
		whole.parameters.emplace_back(parameters[i].text);
	whole.header = header;
	return template_message_payload(whole);
}

} // namespace

void
find_order_template(PurchaseOrder &order)
{
	pg::NewMessage message = {};
	message.sender = order.sender;
	message.template_name = order_template;
	message.template_language =
	    order.language == nullptr ? pg::settings.default_language : order.language;
	pg::resolve_template(message, false);
	order.template_name = message.template_name;
}

bool
compose_order_message(const PurchaseOrder &order, pg::NewMessage &message,
                      pg::Failure &why) noexcept
{
	message.sender = order.sender;
	message.recipient_phone = order.phone;
	message.message_type = "template";
	message.template_name = order.template_name == nullptr ? order_template : order.template_name;
	message.template_language =
	    order.language == nullptr ? pg::settings.default_language : order.language;
	message.payload = nullptr;
	message.reference = order.number;
	message.has_send_at = order.has_send_at;
	message.send_at = order.send_at;
	message.idempotency_key = order.idempotency_key;
	message.priority = order.priority;
	/* the content is made also when the phone is wrong: wa_retry() may send it to the right
	 * number */
	const bool has_phone = pg::try_body(why, [&] {
		check_text_limit(limits::phone, require_value(order.phone, "phone"));
		check_recipient(order.phone);
	});
	pg::Failure other;
	const bool has_content = pg::try_body(has_phone ? why : other, [&] {
		check_text_limit(limits::po, require_value(order.number, "po"));
		std::string formatted;
		std::string_view amount = require_value(order.amount, "amount");
		const char *currency = order.currency;
		if (order.amount_is_text) {
			const char *meant = currency == nullptr ? pg::settings.default_currency : currency;
			if (is_plain_amount(amount, meant))
				currency = meant;
		}
		if (currency != nullptr)
			amount = formatted = format_amount(amount, currency, pg::settings.amount_locale);
		Parameter parameters[] = {{require_value(order.supplier, "supplier"), "supplier"},
		                          {require_value(order.number, "po"), "po"},
		                          {amount, "amount"}};
		std::string collapsed[std::size(parameters)];
		if (pg::settings.parameter_whitespace == pg::whitespace_collapse)
			for (std::size_t i = 0; i < std::size(parameters); i++)
				parameters[i].text = collapsed[i] = collapse_white_space(parameters[i].text);
		message.payload = pg::cstring_out(
		    order.document_id == nullptr
		        ? template_payload(message.template_name, message.template_language, parameters,
		                           std::size(parameters))
		        : payload_with_document(order, message, parameters, std::size(parameters)));
	});
	return has_phone && has_content;
}

} // namespace whatsapp::entry
