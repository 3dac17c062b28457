/*
 * inbound.cpp — columns come from core as one flat JSON object; the statement names them once.
 */
#include "pg/reader/inbound.hpp"

#include "core/webhook/inbound.hpp"
#include "pg/changes/callback_list.hpp"
#include "pg/identity/directory.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/people/persons.hpp"

#include "pg/server/counters.hpp"
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

/* The keys under which a person is found again; NULL where there is none. */
struct Person {
	const char *contact; /* of the phone */
	const char *user_id;
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
	run_body([&] {
		columns = cstring_out(
		    inbound_columns(task.raw, task.contact == nullptr ? std::string_view() : task.contact));
	});
	return columns;
}

void
open_window(const Person &person, const char *sender, std::int64_t at)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_windows AS w (contact, sender, last_inbound_at)"
	    " SELECT DISTINCT linked.contact, $2, $3 FROM unnest($1) AS told (contact) CROSS JOIN LATERAL " LINKED_CONTACTS(
	        "told.contact",
	        "$2") " AS linked"
	              " ON CONFLICT (contact, sender) DO UPDATE SET last_inbound_at = EXCLUDED.last_inbound_at"
	              " WHERE EXCLUDED.last_inbound_at > w.last_inbound_at",
	    3,
	    {TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID}};
	Column keys(2);
	for (const char *key : {person.contact, person.user_id})
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

/* Meta tells that a person has another number, another user id, or both. What was chosen under the
 * old contacts holds for the new ones. */
void
follow_change(const Person &before, const char *previous_user_id, const Person &now,
              const InboxTask &task, const char *sender)
{
	const char *account = account_of_sender(sender);
	const char *for_sender = task.signed_for == nullptr ? nullptr : sender;
	learn_person(now.contact, now.user_id, account);
	/* a message that comes late may still have an old id */
	for (const char *user_id : {previous_user_id, before.user_id})
		learn_person(now.contact, user_id, account);
	for (const char *old_contact : {before.contact, before.user_id, previous_user_id})
		for (const char *new_contact : {now.contact, now.user_id})
			follow_person(old_contact, new_contact, account, for_sender);
}

} // namespace

void
heed_message(const InboxTask &task)
{
	static Statement statement = {
	    "SELECT from_wa_id, from_user_id, text, reply_id, opens_window, new_wa_id, new_user_id, previous_user_id"
	    " FROM jsonb_to_record($1::jsonb) AS c (from_wa_id text, from_user_id text, text text, reply_id text, opens_window boolean,"
	    "  new_wa_id text, new_user_id text, previous_user_id text)",
	    1,
	    {TEXTOID}};
	/* a message to a number that is not ours says nothing to our senders */
	const char *sender;
	if (find_sender(task.phone_number_id, task.signed_for, sender) != Owner::ours)
		return;
	Values values;
	values.set_text(0, read_inbound_columns(task));
	const Result columns = run_statement(statement, values);
	const Person person = {contact_of(columns.text_at(0, 1)), null_if_empty(columns.text_at(0, 2))};
	const Person changed = {contact_of(columns.text_at(0, 6)),
	                        null_if_empty(columns.text_at(0, 7))};
	if (changed.contact != nullptr || changed.user_id != nullptr) {
		follow_change(person, null_if_empty(columns.text_at(0, 8)), changed, task, sender);
		return;
	}
	/* before the look at opens_window: a message in a group opens none, but tells the ids of its
	 * author */
	learn_person(person.contact, person.user_id, account_of_sender(sender));
	if (!columns.bool_at(0, 5))
		return;
	open_window(person, sender, task.occurred_at);
	const char *const contacts[] = {person.contact, person.user_id};
	heed_keyword(columns.text_at(0, 3), contacts, sender, task.occurred_at);
	heed_keyword(columns.text_at(0, 4), contacts, sender, task.occurred_at);
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
	    /* the quoted message must be one of the number to which the answer came */
	    "  (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE m.sender = $3 AND m.id = " MESSAGE_OF_WAMID(
	        "context_wamid",
	        "0") "), forwarded, referral,"
	             "  CASE WHEN new_wa_id ~ '^[0-9]+$' THEN '+' || new_wa_id ELSE new_wa_id END, new_user_id, errors,"
	             "  coalesce(opens_window, false), $7, $8::jsonb"
	             " FROM jsonb_to_record($9::jsonb) AS c (message_type text, from_wa_id text, from_user_id text, profile_name text,"
	             "  username text, group_id text, text text, caption text, media_id text, mime_type text, sha256 text, filename text,"
	             "  voice boolean, latitude double precision, longitude double precision, place_name text, place_address text,"
	             "  contacts jsonb, emoji text, target_wamid text, reply_kind text, reply_id text, reply_description text, reply_data text,"
	             "  order_items jsonb, context_wamid text, context_from text, forwarded boolean, referral jsonb, new_wa_id text,"
	             "  new_user_id text, errors jsonb, opens_window boolean)"
	             " ON CONFLICT (wamid) DO NOTHING RETURNING id",
	    9,
	    {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID,
	     TEXTOID}};
	Values values;
	values.set(0, TimestampTzGetDatum(task.received_at));
	values.set(1, TimestampTzGetDatum(task.occurred_at));
	const char *sender;
	(void)find_sender(task.phone_number_id, task.signed_for, sender);
	values.set_text(2, sender);
	values.set_text(3, task.account_id);
	values.set_text(4, task.phone_number_id);
	values.set_text(5, task.wamid);
	values.set(6, Int64GetDatum(task.event_id));
	values.set_text(7, task.raw);
	values.set_text(8, read_inbound_columns(task));
	const Result stored = run_statement(statement, values);
	if (stored.empty())
		return;
	count_inbound();
	owe_inbound_calls(stored.int64_at(0, 1), sender);
}

} // namespace whatsapp::pg
