/*
 * inbound.cpp — columns come from core as one flat JSON object; the statement names them once.
 */
#include "pg/reader/inbound.hpp"

#include "core/webhook/inbound.hpp"
#include "pg/identity/directory.hpp"
#include "pg/people/opt_outs.hpp"

#include "pg/server/boundary.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/statement.hpp"
#include "pg/queue/wamids.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

struct Person {
	const char *wa_id;
	const char *user_id;
	/* the keys under which the person is found again */
	const char *keys[2];
};

const char *
null_if_empty(const char *text)
{
	return text == nullptr || *text == '\0' ? nullptr : text;
}

/* The columns of whatsapp_inbound as JSON, see core/webhook/inbound.hpp. */
const char *
read_inbound_columns(const InboxTask &task)
{
	const char *columns = nullptr;
	guarded([&] {
		columns = cstring_out(
		    inbound_columns(task.raw, task.contact == nullptr ? std::string_view() : task.contact));
	});
	return columns;
}

void
open_window(const Person &person, const char *sender, std::int64_t at)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_windows AS w (contact, sender, last_inbound_at) SELECT k, $2, $3 FROM unnest($1) AS k"
	    " ON CONFLICT (contact, sender) DO UPDATE SET last_inbound_at = EXCLUDED.last_inbound_at"
	    " WHERE EXCLUDED.last_inbound_at > w.last_inbound_at",
	    3,
	    {TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID}};
	Column keys(2);
	for (const char *key : person.keys)
		if (key != nullptr)
			keys.add_identifier(key);
	if (keys.count() == 0)
		return;
	Values values;
	values.set(0, keys.array(TEXTOID));
	values.set_text(1, sender);
	values.set(2, TimestampTzGetDatum(at));
	run_statement(statement, values);
}

} // namespace

void
heed_message(const InboxTask &task)
{
	static Statement statement = {
	    "SELECT from_wa_id, from_user_id, text, reply_id, opens_window FROM jsonb_to_record($1::jsonb)"
	    " AS c (from_wa_id text, from_user_id text, text text, reply_id text, opens_window boolean)",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, read_inbound_columns(task));
	const Result columns = run_statement(statement, values);
	Person person = {};
	person.wa_id = columns.text_at(0, 1);
	person.user_id = columns.text_at(0, 2);
	person.keys[0] = contact_of(person.wa_id);
	person.keys[1] = null_if_empty(person.user_id);
	const char *text = columns.text_at(0, 3);
	const char *reply_id = columns.text_at(0, 4);
	if (!columns.bool_at(0, 5))
		return;
	const char *sender = sender_of(task.phone_number_id);
	open_window(person, sender, task.occurred_at);
	heed_keyword(text, person.keys, sender, task.occurred_at);
	heed_keyword(reply_id, person.keys, sender, task.occurred_at);
}

void
store_inbound(const InboxTask &task)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_inbound (received_at, occurred_at, sender, account_id, phone_number_id, wamid, message_type,"
	    "  from_phone, user_id, contact, profile_name, username, group_id, text, caption, media_id, mime_type, sha256, filename,"
	    "  voice, latitude, longitude, place_name, place_address, contacts, emoji, target_wamid, reply_kind, reply_id,"
	    "  reply_description, reply_data, order_items, context_wamid, context_from, message_id, forwarded, referral, new_phone,"
	    "  new_user_id, errors, opens_window, event_id, raw)"
	    " SELECT $1, $2, $3, $4, $5, $6, coalesce(message_type, 'unknown'),"
	    "  CASE WHEN from_wa_id ~ '^[0-9]+$' THEN '+' || from_wa_id ELSE from_wa_id END, from_user_id,"
	    "  left(coalesce(@s@.wa_contact_key(from_wa_id), from_user_id), 250),"
	    "  profile_name, username, group_id, text, caption, media_id, mime_type, sha256, filename,"
	    "  voice, latitude, longitude, place_name, place_address, contacts, emoji, target_wamid, reply_kind, reply_id,"
	    "  reply_description, reply_data, order_items, context_wamid, context_from,"
	    "  " MESSAGE_OF_WAMID(
	        "context_wamid",
	        "0") ", forwarded, referral,"
	             "  CASE WHEN new_wa_id ~ '^[0-9]+$' THEN '+' || new_wa_id ELSE new_wa_id END, new_user_id, errors,"
	             "  coalesce(opens_window, false), $7, $8::jsonb"
	             " FROM jsonb_to_record($9::jsonb) AS c (message_type text, from_wa_id text, from_user_id text, profile_name text,"
	             "  username text, group_id text, text text, caption text, media_id text, mime_type text, sha256 text, filename text,"
	             "  voice boolean, latitude double precision, longitude double precision, place_name text, place_address text,"
	             "  contacts jsonb, emoji text, target_wamid text, reply_kind text, reply_id text, reply_description text, reply_data text,"
	             "  order_items jsonb, context_wamid text, context_from text, forwarded boolean, referral jsonb, new_wa_id text,"
	             "  new_user_id text, errors jsonb, opens_window boolean)"
	             " ON CONFLICT (wamid) DO NOTHING",
	    9,
	    {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID,
	     TEXTOID}};
	Values values;
	values.set(0, TimestampTzGetDatum(task.received_at));
	values.set(1, TimestampTzGetDatum(task.occurred_at));
	values.set_text(2, sender_of(task.phone_number_id));
	values.set_text(3, task.account_id);
	values.set_text(4, task.phone_number_id);
	values.set_text(5, task.wamid);
	values.set(6, Int64GetDatum(task.event_id));
	values.set_text(7, task.raw);
	values.set_text(8, read_inbound_columns(task));
	run_statement(statement, values);
}

} // namespace whatsapp::pg
