/*
 * free_form.cpp — enqueueing messages without a template: text, media, location, contacts,
 * interactive, reaction, and any type by its name.
 */
#include "core/message/fallback.hpp"
#include "core/message/free_form.hpp"
#include "core/message/message.hpp"
#include "core/value/recipient.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/requests/media_messages.hpp"
#include "pg/server/settings.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_send_text);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_media);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_location);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_contacts);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_interactive);
PG_FUNCTION_INFO_V1(pg_whatsapp_send_reaction);
PG_FUNCTION_INFO_V1(pg_whatsapp_send);
}

using namespace whatsapp;

namespace
{

constexpr int no_fallback = -1;

/* The template to be sent instead, from its name and its parameters at `place`; NULL without one.
 * It is checked as wa_send_template() would check it. */
const char *
read_fallback(FunctionCallInfo fcinfo, int place, const pg::NewMessage &instead_of)
{
	if (place == no_fallback || PG_ARGISNULL(place))
		return nullptr;
	pg::NewMessage message = instead_of;
	message.message_type = "template";
	message.template_name = entry::required_cstring(fcinfo, place, "fallback_template");
	message.template_language = pg::settings.default_language;
	const entry::TextArray parameters = entry::required_texts(fcinfo, place + 1);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::resolve_template(message, true);
	char *payload = nullptr;
	pg::guarded([&] {
		std::vector<std::string> texts = entry::read_strings(parameters);
		entry::adjust_parameters(texts);
		payload = pg::cstring_out(
		    template_payload(message.template_name, message.template_language, texts));
	});
	message.payload = payload;
	(void)entry::in_schema(fcinfo, [&message] {
		message.sender = pg::resolve_sender(message.sender);
		pg::Failure why;
		if (!pg::may_send(message, why))
			pg::raise_failure(why);
		return true;
	});
	return payload;
}

/* compose makes the payload; the arguments from `rest` on are those of every sending function:
 * sender, reference, send_at, idempotency_key, priority. */
template <class Compose>
Datum
send_free_form(FunctionCallInfo fcinfo, int rest, int fallback, const char *type, Compose compose)
{
	pg::NewMessage message = {};
	message.recipient_phone = entry::required_cstring(fcinfo, 0, "phone");
	message.message_type = type;
	entry::read_routing(fcinfo, rest, message);
	char *payload = nullptr;
	pg::guarded([&] {
		check_recipient(message.recipient_phone);
		payload = pg::cstring_out(compose());
	});
	const char *instead = read_fallback(fcinfo, fallback, message);
	if (instead != nullptr)
		pg::guarded([&] { payload = pg::cstring_out(add_fallback(payload, instead)); });
	message.payload = payload;
	PG_RETURN_INT64(entry::enqueue_new_message(fcinfo, message));
}

} // namespace

Datum
pg_whatsapp_send_text(PG_FUNCTION_ARGS)
{
	const char *body = entry::required_cstring(fcinfo, 1, "body");
	const bool preview_url = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	const char *reply_to = entry::optional_text(fcinfo, 3, "");
	return send_free_form(fcinfo, 4, 9, "text", [=] {
		return text_payload({body, preview_url}, reply_to);
	});
}

namespace
{

constexpr int media_argument = 13;

/* The file is at Meta, or the message waits for it. */
Datum
send_own_media(FunctionCallInfo fcinfo, MediaMessage media)
{
	if (!PG_ARGISNULL(2) || !PG_ARGISNULL(3))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("media excludes link and media_id"), errhint("Name the file in one way.")));
	const std::int64_t file = PG_GETARG_INT64(media_argument);
	const char *sender = entry::optional_text(fcinfo, 8, nullptr);
	const std::int64_t send_at = PG_ARGISNULL(10) ? 0 : PG_GETARG_TIMESTAMPTZ(10);
	const pg::NamedMedia named = entry::in_schema(
	    fcinfo, [=] { return pg::name_media(file, pg::resolve_sender(sender), send_at); });
	media.id = named.name;
	const char *reply_to = entry::optional_text(fcinfo, 7, "");
	const Datum id = send_free_form(fcinfo, 8, 14, entry::required_cstring(fcinfo, 1, "media_type"),
	                                [=] { return media_payload(media, reply_to); });
	if (named.waits)
		(void)entry::in_schema(fcinfo, [=] {
			pg::wait_for_media(DatumGetInt64(id), file);
			return true;
		});
	return id;
}

} // namespace

Datum
pg_whatsapp_send_media(PG_FUNCTION_ARGS)
{
	const char *type = entry::required_cstring(fcinfo, 1, "media_type");
	MediaMessage media = {};
	media.kind = type;
	media.link = entry::optional_text(fcinfo, 2, "");
	media.id = entry::optional_text(fcinfo, 3, "");
	media.caption = entry::optional_text(fcinfo, 4, "");
	media.filename = entry::optional_text(fcinfo, 5, "");
	media.voice = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	if (!PG_ARGISNULL(media_argument))
		return send_own_media(fcinfo, media);
	const char *reply_to = entry::optional_text(fcinfo, 7, "");
	return send_free_form(fcinfo, 8, 14, type, [=] { return media_payload(media, reply_to); });
}

Datum
pg_whatsapp_send_location(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 1, "latitude");
	entry::require_argument(fcinfo, 2, "longitude");
	LocationMessage location = {};
	location.latitude = PG_GETARG_FLOAT8(1);
	location.longitude = PG_GETARG_FLOAT8(2);
	location.name = entry::optional_text(fcinfo, 3, "");
	location.address = entry::optional_text(fcinfo, 4, "");
	const char *reply_to = entry::optional_text(fcinfo, 5, "");
	return send_free_form(fcinfo, 6, 11, "location",
	                      [=] { return location_payload(location, reply_to); });
}

Datum
pg_whatsapp_send_contacts(PG_FUNCTION_ARGS)
{
	const char *contacts = entry::required_json(fcinfo, 1, "contacts");
	const char *reply_to = entry::optional_text(fcinfo, 2, "");
	return send_free_form(fcinfo, 3, 8, "contacts",
	                      [=] { return contacts_payload(contacts, reply_to); });
}

Datum
pg_whatsapp_send_interactive(PG_FUNCTION_ARGS)
{
	const char *interactive = entry::required_json(fcinfo, 1, "interactive");
	const char *reply_to = entry::optional_text(fcinfo, 2, "");
	return send_free_form(fcinfo, 3, 8, "interactive",
	                      [=] { return interactive_payload(interactive, reply_to); });
}

Datum
pg_whatsapp_send_reaction(PG_FUNCTION_ARGS)
{
	const char *wamid = entry::required_cstring(fcinfo, 1, "message_wamid");
	const char *emoji = entry::optional_text(fcinfo, 2, "");
	return send_free_form(fcinfo, 3, no_fallback, "reaction", [=] {
		return reaction_payload({wamid, emoji});
	});
}

Datum
pg_whatsapp_send(PG_FUNCTION_ARGS)
{
	const char *content = entry::required_json(fcinfo, 2, "content");
	const char *reply_to = entry::optional_text(fcinfo, 3, "");
	pg::NewMessage message = {};
	message.recipient_phone = entry::required_cstring(fcinfo, 0, "phone");
	message.message_type = entry::required_cstring(fcinfo, 1, "message_type");
	entry::read_routing(fcinfo, 4, message);
	char *texts[3] = {};
	pg::guarded([&] {
		check_recipient(message.recipient_phone);
		const ContentPayload made = content_payload(message.message_type, content, reply_to);
		texts[0] = pg::cstring_out(made.payload);
		if (!made.template_name.empty()) {
			texts[1] = pg::cstring_out(made.template_name);
			texts[2] = pg::cstring_out(made.template_language);
		}
	});
	const char *instead = read_fallback(fcinfo, 9, message);
	if (instead != nullptr)
		pg::guarded([&] { texts[0] = pg::cstring_out(add_fallback(texts[0], instead)); });
	message.payload = texts[0];
	message.template_name = texts[1];
	message.template_language = texts[2];
	PG_RETURN_INT64(entry::enqueue_new_message(fcinfo, message));
}
