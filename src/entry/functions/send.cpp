/*
 * send.cpp — enqueueing and what may be done to a queued message.
 */
#include <string>
#include <utility>
#include <vector>

#include "core/value/recipient.hpp"
#include "core/message/message.hpp"
#include "core/message/template_message.hpp"
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
read_components(FunctionCallInfo fcinfo, int place)
{
	Components components = {};
	for (int i = place; i <= place + 6; i++)
		components.given = components.given || !PG_ARGISNULL(i);
	components.named = entry::optional_named_texts(fcinfo, place, "named_parameters");
	components.header = entry::optional_json(fcinfo, place + 1, "");
	components.buttons = entry::optional_json(fcinfo, place + 2, "");
	components.cards = entry::optional_json(fcinfo, place + 3, "");
	components.has_offer = !PG_ARGISNULL(place + 4);
	if (components.has_offer) {
		components.offer_ends_at = PG_GETARG_TIMESTAMPTZ(place + 4);
		if (TIMESTAMP_NOT_FINITE(components.offer_ends_at))
			ereport(ERROR,
			        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			         errmsg("offer_ends_at is out of range"), errdetail("It must be finite.")));
	}
	components.more = entry::optional_json(fcinfo, place + 5, "");
	components.reply_to = entry::optional_text(fcinfo, place + 6, "");
	return components;
}

/* The platform counts milliseconds since 1970. */
std::int64_t
unix_milliseconds(TimestampTz at)
{
	constexpr std::int64_t days = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
	return at / 1000 + days * SECS_PER_DAY * 1000;
}

/* Inside guarded() only. */
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

/* document: which argument names a file of wa_upload_media(). */
int64
send_po(FunctionCallInfo fcinfo, entry::PurchaseOrder &order, int document)
{
	const bool has_document = !PG_ARGISNULL(document);
	const int64 file = has_document ? PG_GETARG_INT64(document) : 0;
	pg::NamedMedia named = {};
	if (has_document) {
		named = entry::in_schema(fcinfo, [file, &order] {
			return pg::name_media(file, pg::resolve_sender(order.sender),
			                      order.has_send_at ? order.send_at : 0);
		});
		order.document_id = named.name;
		order.document_name =
		    named.filename[0] == '\0' ? psprintf("%s.pdf", order.number) : named.filename;
	}
	pg::NewMessage message;
	pg::Failure why;
	if (!entry::compose_order_message(order, message, why))
		pg::raise_failure(why);
	const int64 id = entry::enqueue_new_message(fcinfo, message);
	if (named.waits)
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

Datum
pg_whatsapp_send_template(PG_FUNCTION_ARGS)
{
	pg::NewMessage message = {};
	message.recipient_phone = entry::required_cstring(fcinfo, 0, limits::phone);
	message.template_name = entry::required_cstring(fcinfo, 1, "template");
	const entry::TextArray parameters = entry::required_texts(fcinfo, 2);
	message.template_language = entry::optional_text(fcinfo, 3, pg::settings.default_language);
	entry::read_routing(fcinfo, 4, message);
	message.message_type = "template";
	const Components components = read_components(fcinfo, 9);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::resolve_template(message, !PG_ARGISNULL(16) && PG_GETARG_BOOL(16));

	char *payload = nullptr;
	pg::guarded([&] {
		check_recipient(message.recipient_phone);
		std::vector<std::string> texts = entry::read_strings(parameters);
		entry::adjust_parameters(texts);
		payload = pg::cstring_out(
		    components.given
		        ? make_payload(message, std::move(texts), components, "")
		        : template_payload(message.template_name, message.template_language, texts));
	});
	message.payload = payload;
	PG_RETURN_INT64(entry::enqueue_new_message(fcinfo, message));
}

/* The same arguments, without a recipient. */
Datum
pg_whatsapp_render_message(PG_FUNCTION_ARGS)
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
	pg::resolve_template(message, false);

	char *payload = nullptr;
	pg::guarded([&] {
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

Datum
pg_whatsapp_send_po_text(PG_FUNCTION_ARGS)
{
	entry::PurchaseOrder order = {};
	order.supplier = entry::required_cstring(fcinfo, 0, "supplier");
	order.number = entry::required_cstring(fcinfo, 1, limits::po);
	order.amount = entry::required_cstring(fcinfo, 2, "amount");
	order.phone = entry::required_cstring(fcinfo, 3, limits::phone);
	order.currency = nullptr;
	order.language = entry::optional_text(fcinfo, 4, nullptr);
	order.sender = entry::optional_text(fcinfo, 5, limits::sender, nullptr);
	entry::read_schedule(fcinfo, 6, order);
	PG_RETURN_INT64(send_po(fcinfo, order, 9));
}

Datum
pg_whatsapp_send_po_numeric(PG_FUNCTION_ARGS)
{
	entry::PurchaseOrder order = {};
	order.supplier = entry::required_cstring(fcinfo, 0, "supplier");
	order.number = entry::required_cstring(fcinfo, 1, limits::po);
	order.amount = entry::required_numeric(fcinfo, 2, "amount");
	order.phone = entry::required_cstring(fcinfo, 3, limits::phone);
	order.currency = entry::optional_text(fcinfo, 4, pg::settings.default_currency);
	order.language = entry::optional_text(fcinfo, 5, nullptr);
	order.sender = entry::optional_text(fcinfo, 6, limits::sender, nullptr);
	entry::read_schedule(fcinfo, 7, order);
	PG_RETURN_INT64(send_po(fcinfo, order, 10));
}

Datum
pg_whatsapp_cancel(PG_FUNCTION_ARGS)
{
	const int64 id = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id] { return pg::cancel_message(id); }));
}

Datum
pg_whatsapp_retry(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	const int64 id = PG_GETARG_INT64(0);
	const char *phone = entry::optional_text(fcinfo, 1, limits::phone, nullptr);
	pg::guarded([phone] {
		if (phone != nullptr)
			check_recipient(phone);
	});
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id, phone] {
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

Datum
pg_whatsapp_resume(PG_FUNCTION_ARGS)
{
	const char *sender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const bool resumed = entry::in_schema(fcinfo, [sender] { return pg::resume_sender(sender); });
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
