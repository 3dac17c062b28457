/*
 * send.cpp — enqueueing and what may be done to a queued message.
 */
#include <string>
#include <type_traits>
#include <vector>

#include "core/value/e164.hpp"
#include "core/turn/lineup.hpp"
#include "core/message/message.hpp"
#include "pg/enqueue/cancel_retry.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/identity/instance.hpp"
#include "pg/server/schema.hpp"
#include "pg/identity/senders.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"

#include "entry/call/arguments.hpp"
#include "entry/watch/purchase_order.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_attach);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_template);
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

/* it stands in an index */
constexpr int max_idempotency_key = 255;
/* of send_at: the year 10000, so that what is computed from it can be written, shown and dumped */
constexpr TimestampTz end_of_time =
    INT64CONST(252455616000) * USECS_PER_SEC; /* since 2000-01-01, UTC */

int
priority_of(const char *name)
{
	static const char *const names[priorities] = {"urgent", "normal", "bulk"};
	for (int i = 0; i < priorities; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("priority \"%s\" does not exist", name),
	                errhint("The priorities are urgent, normal and bulk.")));
}

/* send_at, idempotency_key and priority, which end the arguments of every sending function. */
template <class Message>
void
read_schedule(FunctionCallInfo fcinfo, int place, Message &message)
{
	message.priority = priority_of(entry::optional_text(fcinfo, place + 2, "normal"));
	message.has_send_at = !PG_ARGISNULL(place);
	if (message.has_send_at) {
		message.send_at = PG_GETARG_TIMESTAMPTZ(place);
		if (TIMESTAMP_NOT_FINITE(message.send_at) || message.send_at >= end_of_time)
			ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			                errmsg("send_at is out of range"),
			                errdetail("It must be finite, and before the year 10000.")));
	}
	message.idempotency_key = entry::optional_text(fcinfo, place + 1, nullptr);
	if (message.idempotency_key == nullptr)
		return;
	const std::size_t length = strlen(message.idempotency_key);
	if (length == 0 || length > max_idempotency_key)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("idempotency_key must have 1 to %d bytes", max_idempotency_key)));
}

/* body runs with SPI connected and the extension's schema known; it owns nothing that a server
 * error could jump over. */
template <class Body>
auto
in_schema(FunctionCallInfo fcinfo, Body body)
{
	static_assert(std::is_trivially_destructible_v<Body>);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const auto result = body();
	SPI_finish();
	return result;
}

int64
enqueue(FunctionCallInfo fcinfo, pg::NewMessage &message)
{
	return in_schema(fcinfo, [&message] {
		message.sender = pg::resolve_sender(message.sender);
		pg::Failure why;
		if (!pg::may_send(message, why))
			pg::raise_failure(why);
		return pg::enqueue_message(message);
	});
}

int64
send_po(FunctionCallInfo fcinfo, const entry::PurchaseOrder &order)
{
	pg::NewMessage message;
	pg::Failure why;
	if (!entry::compose_order_message(order, message, why))
		pg::raise_failure(why);
	return enqueue(fcinfo, message);
}

} // namespace

Datum
pg_whatsapp_attach(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	pg::wake_launcher_at_commit();
	PG_RETURN_VOID();
}

Datum
pg_whatsapp_send_template(PG_FUNCTION_ARGS)
{
	pg::NewMessage message = {};
	message.recipient_phone = entry::required_cstring(fcinfo, 0, "phone");
	message.template_name = entry::required_cstring(fcinfo, 1, "template");
	const entry::TextArray parameters = entry::required_texts(fcinfo, 2);
	message.template_language = entry::optional_text(fcinfo, 3, pg::settings.default_language);
	message.sender = entry::optional_text(fcinfo, 4, nullptr);
	message.reference = entry::optional_text(fcinfo, 5, nullptr);
	read_schedule(fcinfo, 6, message);
	message.message_type = "template";

	char *payload = nullptr;
	pg::guarded([&] {
		check_phone(message.recipient_phone);
		payload = pg::cstring_out(template_payload(message.template_name, message.template_language,
		                                           entry::read_strings(parameters)));
	});
	message.payload = payload;
	PG_RETURN_INT64(enqueue(fcinfo, message));
}

Datum
pg_whatsapp_send_po_text(PG_FUNCTION_ARGS)
{
	entry::PurchaseOrder order = {};
	order.supplier = entry::required_cstring(fcinfo, 0, "supplier");
	order.number = entry::required_cstring(fcinfo, 1, "po");
	order.amount = entry::required_cstring(fcinfo, 2, "amount");
	order.phone = entry::required_cstring(fcinfo, 3, "phone");
	order.currency = nullptr;
	order.language = entry::optional_text(fcinfo, 4, nullptr);
	order.sender = entry::optional_text(fcinfo, 5, nullptr);
	read_schedule(fcinfo, 6, order);
	PG_RETURN_INT64(send_po(fcinfo, order));
}

Datum
pg_whatsapp_send_po_numeric(PG_FUNCTION_ARGS)
{
	entry::PurchaseOrder order = {};
	order.supplier = entry::required_cstring(fcinfo, 0, "supplier");
	order.number = entry::required_cstring(fcinfo, 1, "po");
	order.amount = entry::required_numeric(fcinfo, 2, "amount");
	order.phone = entry::required_cstring(fcinfo, 3, "phone");
	order.currency = entry::optional_text(fcinfo, 4, pg::settings.default_currency);
	order.language = entry::optional_text(fcinfo, 5, nullptr);
	order.sender = entry::optional_text(fcinfo, 6, nullptr);
	read_schedule(fcinfo, 7, order);
	PG_RETURN_INT64(send_po(fcinfo, order));
}

Datum
pg_whatsapp_cancel(PG_FUNCTION_ARGS)
{
	const int64 id = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(in_schema(fcinfo, [id] { return pg::cancel_message(id); }));
}

Datum
pg_whatsapp_retry(PG_FUNCTION_ARGS)
{
	const int64 id = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(in_schema(fcinfo, [id] { return pg::retry_message(id); }));
}

Datum
pg_whatsapp_resume(PG_FUNCTION_ARGS)
{
	const char *sender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const bool resumed = in_schema(fcinfo, [sender] { return pg::resume_sender(sender); });
	pg::wake_sender_at_commit(pg::any_due);
	PG_RETURN_BOOL(resumed);
}

Datum
pg_whatsapp_release(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_BOOL(0))
		PG_RETURN_INT64(in_schema(fcinfo, [] { return pg::count_releasable(); }));
	const int64 waiting = in_schema(fcinfo, [] { return pg::release_messages(); });
	pg::wake_sender_at_commit(pg::any_due);
	PG_RETURN_INT64(waiting);
}

Datum
pg_whatsapp_hold_reason(PG_FUNCTION_ARGS)
{
	const char *reason = in_schema(fcinfo, [] { return pg::hold_reason(); });
	if (reason == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}
