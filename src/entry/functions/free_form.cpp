/*
 * free_form.cpp — enqueueing messages without a template: text, media, location, contacts,
 * interactive, reaction, and any type by its name.
 */
#include "core/message/fallback.hpp"
#include "core/message/free_form.hpp"
#include "core/message/message.hpp"
#include "core/request/media_request.hpp"
#include "core/value/recipient.hpp"
#include "pg/identity/sender_rights.hpp"
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

/* The template to be sent instead, from its name and its parameters at `index`; NULL without one.
 * It is checked as wa_send_template() would check it. */
const char *
read_fallback(FunctionCallInfo fcinfo, int index, entry::Sending &instead_of)
{
	if (index == no_fallback || PG_ARGISNULL(index))
		return nullptr;
	entry::Sending message = instead_of;
	message.message_type = "template";
	message.template_name = entry::required_cstring(fcinfo, index, "fallback_template");
	message.template_language = pg::settings.default_language;
	const entry::TextArray parameters = entry::required_texts(fcinfo, index + 1);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::resolve_template(message, true);
	entry::compose_sending(message, [&] {
		std::vector<std::string> texts = entry::read_strings(parameters);
		entry::adjust_parameters(texts);
		return pg::cstring_out(
		    template_payload(message.template_name, message.template_language, texts));
	});
	entry::require_message(fcinfo, message);
	instead_of.has_code = message.has_code;
	return message.payload;
}

/* Where the arguments of a function stand behind its own: sender, reference, send_at,
 * idempotency_key and priority begin at `rest`. */
struct FreeFormPlaces {
	int rest;
	int fallback;
	int on_error;
};

entry::Sending
begin_free_form(FunctionCallInfo fcinfo, const FreeFormPlaces &at, const char *type)
{
	return entry::begin_sending(fcinfo, {0, at.rest, at.rest + 1, at.on_error}, type);
}

/* The message has its payload already: it is replaced by one that holds the fallback, too. */
void
add_fallback_of(FunctionCallInfo fcinfo, int index, entry::Sending &message)
{
	const char *instead = read_fallback(fcinfo, index, message);
	if (instead != nullptr)
		pg::run_body(
		    [&] { message.payload = pg::cstring_out(add_fallback(message.payload, instead)); });
}

/* read takes the function's own arguments, and may raise; make makes the payload of them. */
template <class Read, class Make>
std::int64_t
send_free_form(FunctionCallInfo fcinfo, const FreeFormPlaces &at, entry::Sending &message,
               Read read, Make make)
{
	return entry::send_message(fcinfo, message, [&] {
		message.recipient_phone = entry::optional_text(fcinfo, 0, limits::phone, nullptr);
		entry::read_routing(fcinfo, at.rest, message);
		const auto content = read();
		entry::compose_sending(message, [&] { return pg::cstring_out(make(content)); });
		add_fallback_of(fcinfo, at.fallback, message);
	});
}

template <class Read, class Make>
Datum
send_type(FunctionCallInfo fcinfo, const FreeFormPlaces &at, const char *type, Read read, Make make)
{
	entry::Sending message = begin_free_form(fcinfo, at, type);
	PG_RETURN_INT64(send_free_form(fcinfo, at, message, read, make));
}

void
require_reaction_target(FunctionCallInfo fcinfo, const entry::Sending &message, const char *wamid)
{
	pg::Failure why;
	if (wamid != nullptr && !entry::in_schema(fcinfo, [&message, &why, wamid] {
		    (void)entry::sender_of_caller(message.sender);
		    return pg::may_react(wamid, why);
	    }))
		entry::raise_refusal(message, why);
}

/* What was read: a record, and the message that it quotes. */
template <class Message> struct Quoting {
	Message content;
	const char *reply_to;
};

} // namespace

OWNED_FUNCTION(pg_whatsapp_send_text)
{
	return send_type(
	    fcinfo, {4, 9, 11}, "text",
	    [fcinfo] {
		    return Quoting<TextMessage>{
		        {entry::required_cstring(fcinfo, 1, "body"), !PG_ARGISNULL(2) && PG_GETARG_BOOL(2)},
		        entry::optional_text(fcinfo, 3, "")};
	    },
	    [](const auto &message) { return text_payload(message.content, message.reply_to); });
}

namespace
{

constexpr int media_argument = 13;

/* named: filled in when the file is given by its id in whatsapp_media. Then it is at Meta already,
 * or the message has to wait for its upload. */
Quoting<MediaMessage>
read_media(FunctionCallInfo fcinfo, pg::NamedMedia &named)
{
	MediaMessage media = {};
	media.kind = entry::required_cstring(fcinfo, 1, "media_type");
	media.link = entry::optional_text(fcinfo, 2, "");
	media.id = entry::optional_text(fcinfo, 3, "");
	media.caption = entry::optional_text(fcinfo, 4, "");
	media.filename = entry::optional_text(fcinfo, 5, "");
	media.voice = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	const char *reply_to = entry::optional_text(fcinfo, 7, "");
	if (!PG_ARGISNULL(media_argument)) {
		if (!PG_ARGISNULL(2) || !PG_ARGISNULL(3))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("media excludes link and media_id"),
			                errhint("Name the file in one way.")));
		const std::int64_t file = PG_GETARG_INT64(media_argument);
		const char *sender = entry::optional_text(fcinfo, 8, nullptr);
		const std::int64_t send_at = PG_ARGISNULL(10) ? 0 : PG_GETARG_TIMESTAMPTZ(10);
		named = entry::in_schema(
		    fcinfo, [=] { return pg::name_media(file, entry::sender_of_caller(sender), send_at); });
		media.id = named.name;
		pg::run_body(
		    [&media, &named] { check_media_kind(media.kind, named.mime_type, media.voice); });
	}
	return {media, reply_to};
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_send_media)
{
	constexpr FreeFormPlaces at = {8, 14, 16};
	entry::Sending message = begin_free_form(fcinfo, at, entry::optional_text(fcinfo, 1, nullptr));
	pg::NamedMedia named = {};
	const std::int64_t id = send_free_form(
	    fcinfo, at, message, [fcinfo, &named] { return read_media(fcinfo, named); },
	    [](const auto &media) { return media_payload(media.content, media.reply_to); });
	if (named.waits && !message.refused)
		(void)entry::in_schema(fcinfo, [fcinfo, id] {
			pg::wait_for_media(id, PG_GETARG_INT64(media_argument));
			return true;
		});
	PG_RETURN_INT64(id);
}

OWNED_FUNCTION(pg_whatsapp_send_location)
{
	return send_type(
	    fcinfo, {6, 11, 13}, "location",
	    [fcinfo] {
		    entry::require_argument(fcinfo, 1, "latitude");
		    entry::require_argument(fcinfo, 2, "longitude");
		    LocationMessage location = {};
		    location.latitude = PG_GETARG_FLOAT8(1);
		    location.longitude = PG_GETARG_FLOAT8(2);
		    location.name = entry::optional_text(fcinfo, 3, "");
		    location.address = entry::optional_text(fcinfo, 4, "");
		    return Quoting<LocationMessage>{location, entry::optional_text(fcinfo, 5, "")};
	    },
	    [](const auto &location) { return location_payload(location.content, location.reply_to); });
}

OWNED_FUNCTION(pg_whatsapp_send_contacts)
{
	return send_type(
	    fcinfo, {3, 8, 10}, "contacts",
	    [fcinfo] {
		    return Quoting<const char *>{entry::required_json(fcinfo, 1, "contacts"),
		                                 entry::optional_text(fcinfo, 2, "")};
	    },
	    [](const auto &contacts) { return contacts_payload(contacts.content, contacts.reply_to); });
}

OWNED_FUNCTION(pg_whatsapp_send_interactive)
{
	return send_type(
	    fcinfo, {3, 8, 10}, "interactive",
	    [fcinfo] {
		    return Quoting<const char *>{entry::required_json(fcinfo, 1, "interactive"),
		                                 entry::optional_text(fcinfo, 2, "")};
	    },
	    [](const auto &shown) { return interactive_payload(shown.content, shown.reply_to); });
}

OWNED_FUNCTION(pg_whatsapp_send_reaction)
{
	constexpr FreeFormPlaces at = {3, no_fallback, 8};
	entry::Sending message = begin_free_form(fcinfo, at, "reaction");
	PG_RETURN_INT64(send_free_form(
	    fcinfo, at, message,
	    [fcinfo, &message] {
		    const char *wamid = entry::required_cstring(fcinfo, 1, "message_wamid");
		    require_reaction_target(fcinfo, message, wamid);
		    return ReactionMessage{wamid, entry::optional_text(fcinfo, 2, "")};
	    },
	    [](const auto &reaction) { return reaction_payload(reaction); }));
}

OWNED_FUNCTION(pg_whatsapp_send)
{
	constexpr FreeFormPlaces at = {4, 9, 11};
	entry::Sending message = begin_free_form(fcinfo, at, entry::optional_text(fcinfo, 1, nullptr));
	PG_RETURN_INT64(entry::send_message(fcinfo, message, [&] {
		message.recipient_phone = entry::optional_text(fcinfo, 0, limits::phone, nullptr);
		entry::read_routing(fcinfo, at.rest, message);
		message.message_type = entry::required_cstring(fcinfo, 1, "message_type");
		const char *content = entry::required_json(fcinfo, 2, "content");
		const char *reply_to = entry::optional_text(fcinfo, 3, "");
		const char *wamid = nullptr;
		entry::compose_sending(message, [&] {
			const ContentPayload made = content_payload(message.message_type, content, reply_to);
			if (!made.template_name.empty()) {
				message.template_name = pg::cstring_out(made.template_name);
				message.template_language = pg::cstring_out(made.template_language);
			}
			if (!made.reaction_wamid.empty())
				wamid = pg::cstring_out(made.reaction_wamid);
			return pg::cstring_out(made.payload);
		});
		require_reaction_target(fcinfo, message, wamid);
		add_fallback_of(fcinfo, at.fallback, message);
	}));
}
