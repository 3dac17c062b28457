/*
 * send.cpp — enqueueing and what may be done to a queued message.
 */
#include <string>
#include <utility>
#include <vector>

#include "core/value/recipient.hpp"
#include "core/message/message.hpp"
#include "core/message/template_message.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/enqueue/cancel_retry.hpp"
#include "pg/enqueue/idle_notice.hpp"
#include "pg/enqueue/retry_refusal.hpp"
#include "pg/requests/media_messages.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/identity/instance.hpp"
#include "pg/identity/senders.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"
#include "entry/watch/purchase_order.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_attach);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_template);
PG_FUNCTION_INFO_V1(pg_whatsapp_render_message);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_po_text);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_po_numeric);
PG_FUNCTION_INFO_V1(pg_whatsapp_cancel);
PG_FUNCTION_INFO_V1(pg_whatsapp_retry);
PG_FUNCTION_INFO_V1(pg_whatsapp_resume);
PG_FUNCTION_INFO_V1(pg_whatsapp_release);
PG_FUNCTION_INFO_V1(pg_whatsapp_hold_reason);
}

using namespace whatsapp;

namespace
{

/* What a template has beside body parameters, as the caller gave it. */
struct Components {
	bool given; /* any of it */
	entry::NamedTexts named;
	const char *header;
	const char *buttons;
	const char *cards;
	const char *more;
	bool has_offer;
	TimestampTz offer_ends_at;
	const char *reply_to;
};

Components
read_components(FunctionCallInfo fcinfo, int index)
{
	Components components = {};
	for (int i = index; i <= index + 6; i++)
		components.given = components.given || !PG_ARGISNULL(i);
	components.named = entry::optional_named_texts(fcinfo, index, "named_parameters");
	components.header = entry::optional_json(fcinfo, index + 1, "");
	components.buttons = entry::optional_json(fcinfo, index + 2, "");
	components.cards = entry::optional_json(fcinfo, index + 3, "");
	components.has_offer = !PG_ARGISNULL(index + 4);
	if (components.has_offer)
		components.offer_ends_at = entry::time_argument(fcinfo, index + 4, "offer_ends_at");
	components.more = entry::optional_json(fcinfo, index + 5, "");
	components.reply_to = entry::optional_text(fcinfo, index + 6, "");
	return components;
}

/* The platform counts milliseconds since 1970. */
std::int64_t
unix_milliseconds(TimestampTz at)
{
	constexpr std::int64_t days = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
	return at / 1000 + days * SECS_PER_DAY * 1000;
}

/* Inside run_body() only. */
std::string
make_payload(const pg::NewMessage &message, std::vector<std::string> parameters,
             const Components &components, const char *code)
{
	TemplateMessage whole;
	whole.name = message.template_name;
	whole.language = message.template_language;
	whole.parameters = std::move(parameters);
	whole.named = entry::read_named_texts(components.named);
	entry::adjust_parameters(whole.named);
	whole.header = components.header;
	whole.buttons = components.buttons;
	whole.cards = components.cards;
	if (components.has_offer)
		whole.offer_ends_ms = unix_milliseconds(components.offer_ends_at);
	whole.components = components.more;
	whole.code = code;
	whole.reply_to = components.reply_to;
	return template_message_payload(whole);
}

/* Where the arguments of a form of wa_send_po() stand, behind those that both have in common. */
struct OrderPlaces {
	int currency;
	int language;
	int sender;
	int document;
	int on_error;
};

constexpr int order_number = 1;
constexpr int order_phone = 3;

int64
send_po(FunctionCallInfo fcinfo, const OrderPlaces &at, bool amount_is_text)
{
	entry::Sending message = entry::begin_sending(
	    fcinfo, {order_phone, at.sender, order_number, at.on_error}, "template");
	const bool has_document = !PG_ARGISNULL(at.document);
	const int64 file = has_document ? PG_GETARG_INT64(at.document) : 0;
	pg::NamedMedia named = {};
	const int64 id = entry::send_message(fcinfo, message, [&] {
		entry::PurchaseOrder order = {};
		/* NULL is no error yet: compose_order_message() says what is missing, after the other
		 * arguments are read, so that the refusal can name the message */
		order.supplier =
		    entry::optional_text(fcinfo, 0, {"supplier", max_text_argument_bytes}, nullptr);
		order.number = entry::optional_text(fcinfo, order_number, limits::po, nullptr);
		order.phone = entry::optional_text(fcinfo, order_phone, limits::phone, nullptr);
		order.amount_is_text = amount_is_text;
		if (amount_is_text)
			order.amount =
			    entry::optional_text(fcinfo, 2, {"amount", max_text_argument_bytes}, nullptr);
		else if (!PG_ARGISNULL(2))
			order.amount = entry::required_numeric(fcinfo, 2, "amount");
		order.currency = entry::optional_text(
		    fcinfo, at.currency, amount_is_text ? nullptr : pg::settings.default_currency);
		order.language = entry::optional_text(fcinfo, at.language, nullptr);
		order.sender = entry::optional_text(fcinfo, at.sender, limits::sender, nullptr);
		entry::read_schedule(fcinfo, at.sender + 1, order);
		pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
		entry::find_order_template(order);
		if (has_document) {
			named = entry::in_schema(fcinfo, [file, &order] {
				return pg::name_media(file, entry::sender_of_caller(order.sender),
				                      order.has_send_at ? order.send_at : 0);
			});
			order.document_id = named.name;
			order.document_name = named.filename[0] == '\0' && order.number != nullptr
			                          ? psprintf("%s.pdf", order.number)
			                          : named.filename;
		}
		pg::Failure why;
		if (!entry::compose_order_message(order, message, why))
			entry::raise_refusal(message, why);
	});
	if (named.waits && !message.refused)
		(void)entry::in_schema(fcinfo, [id, file] {
			pg::wait_for_media(id, file);
			return true;
		});
	return id;
}

} // namespace

Datum
pg_whatsapp_attach(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	pg::warn_of_idle_database();
	pg::wake_launcher_at_commit();
	PG_RETURN_VOID();
}

OWNED_FUNCTION(pg_whatsapp_send_template)
{
	entry::Sending message = entry::begin_sending(fcinfo, {0, 4, 5, 17}, "template");
	PG_RETURN_INT64(entry::send_message(fcinfo, message, [&] {
		message.recipient_phone = entry::optional_text(fcinfo, 0, limits::phone, nullptr);
		entry::read_routing(fcinfo, 4, message);
		message.template_name = entry::required_cstring(fcinfo, 1, "template");
		const entry::TextArray parameters = entry::required_texts(fcinfo, 2);
		message.template_language = entry::optional_text(fcinfo, 3, pg::settings.default_language);
		const Components components = read_components(fcinfo, 9);
		pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
		pg::resolve_template(message, !PG_ARGISNULL(16) && PG_GETARG_BOOL(16));
		entry::compose_sending(message, [&] {
			std::vector<std::string> texts = entry::read_strings(parameters);
			entry::adjust_parameters(texts);
			return pg::cstring_out(
			    components.given
			        ? make_payload(message, std::move(texts), components, "")
			        : template_payload(message.template_name, message.template_language, texts));
		});
	}));
}

/* The arguments of wa_send_template() that make the content, and no recipient. */
OWNED_FUNCTION(pg_whatsapp_render_message)
{
	pg::NewMessage message = {};
	message.template_name = entry::required_cstring(fcinfo, 0, "template");
	const entry::TextArray parameters = entry::required_texts(fcinfo, 1);
	message.template_language = entry::optional_text(fcinfo, 2, pg::settings.default_language);
	const Components components = read_components(fcinfo, 3);
	const char *code = entry::optional_text(fcinfo, 10, "");
	message.sender = entry::optional_text(fcinfo, 11, limits::sender, nullptr);
	const bool html = !PG_ARGISNULL(12) && PG_GETARG_BOOL(12);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_sender_right(pg::caller_of_function(), pg::may_touch | pg::may_read,
	                         message.sender == nullptr ? pg::settings.default_sender
	                                                   : message.sender);
	pg::resolve_template(message, false);

	char *payload = nullptr;
	pg::run_body([&] {
		std::vector<std::string> texts = entry::read_strings(parameters);
		entry::adjust_parameters(texts);
		payload = pg::cstring_out(make_payload(message, std::move(texts), components, code));
	});
	message.payload = payload;
	MemoryContext memory = CurrentMemoryContext;
	text *out = entry::in_schema(fcinfo, [&message, html, memory] {
		message.sender = pg::resolve_sender(message.sender);
		const char *shown = pg::render_message(message, html);
		MemoryContext before = MemoryContextSwitchTo(memory);
		text *copy = cstring_to_text(shown);
		MemoryContextSwitchTo(before);
		return copy;
	});
	PG_RETURN_TEXT_P(out);
}

OWNED_FUNCTION(pg_whatsapp_send_po_text)
{
	PG_RETURN_INT64(send_po(fcinfo, {11, 4, 5, 9, 10}, true));
}

OWNED_FUNCTION(pg_whatsapp_send_po_numeric)
{
	PG_RETURN_INT64(send_po(fcinfo, {4, 5, 6, 10, 11}, false));
}

OWNED_FUNCTION(pg_whatsapp_cancel)
{
	const int64 id = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id] {
		pg::require_message_right(pg::caller_of_function(), pg::may_touch, id);
		return pg::cancel_message(id);
	}));
}

OWNED_FUNCTION(pg_whatsapp_retry)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	const int64 id = PG_GETARG_INT64(0);
	const char *phone = entry::optional_text(fcinfo, 1, limits::phone, nullptr);
	pg::run_body([phone] {
		if (phone != nullptr)
			check_recipient(phone);
	});
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id, phone] {
		pg::require_message_right(pg::caller_of_function(), pg::may_act, id);
		const pg::LapsedName lapsed = pg::find_lapsed_name(id);
		pg::NamedMedia named = {};
		if (lapsed.media != 0)
			named = pg::name_media(lapsed.media, nullptr, 0);
		const bool again = pg::retry_message(id, phone);
		if (!again)
			pg::notice_retry_refusal(id);
		else if (lapsed.media != 0)
			pg::name_media_again(id, lapsed, named);
		return again;
	}));
}

OWNED_FUNCTION(pg_whatsapp_resume)
{
	const char *sender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const bool resumed = entry::in_schema(fcinfo, [sender] {
		pg::require_sender_right(pg::caller_of_function(), pg::may_act, sender);
		return pg::resume_sender(sender);
	});
	pg::wake_sender_at_commit(pg::any_due);
	PG_RETURN_BOOL(resumed);
}

Datum
pg_whatsapp_release(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_BOOL(0))
		PG_RETURN_INT64(entry::in_schema(fcinfo, [] { return pg::count_releasable(); }));
	const int64 waiting = entry::in_schema(fcinfo, [] { return pg::release_messages(); });
	pg::wake_sender_at_commit(pg::any_due);
	PG_RETURN_INT64(waiting);
}

Datum
pg_whatsapp_hold_reason(PG_FUNCTION_ARGS)
{
	const char *reason = entry::in_schema(fcinfo, [] { return pg::hold_reason(); });
	if (reason == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}
