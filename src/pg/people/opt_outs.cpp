/*
 * opt_outs.cpp — choices are kept with their time, so that an old one that comes late changes
 * nothing.
 */
#include "pg/people/opt_outs.hpp"

#include "core/webhook/account.hpp"
#include "core/webhook/inbound.hpp"
#include "core/webhook/keyword.hpp"

#include "pg/people/persons.hpp"
#include "pg/server/boundary.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

const char *
scope_of(bool marketing_only)
{
	return marketing_only ? "marketing" : "all";
}

OwnTable opt_outs("whatsapp_opt_outs");

} // namespace

bool
any_opt_outs()
{
	return has_pages(opt_outs);
}

void
record_choice(const Choice &choice)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_opt_outs AS o (contact, sender, scope, opted_out, changed_at, source, reason)"
	    " SELECT p.contact, $2, $3, $4, $5, $6, $7 FROM " LINKED_CONTACTS(
	        "$1",
	        "$2") " AS p ON CONFLICT (contact, sender, scope) DO UPDATE"
	              " SET opted_out = EXCLUDED.opted_out, changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, reason = EXCLUDED.reason"
	              " WHERE EXCLUDED.changed_at > o.changed_at OR (EXCLUDED.changed_at = o.changed_at AND EXCLUDED.opted_out)",
	    7,
	    {TEXTOID, TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}};
	Values values;
	values.set_identifier(0, choice.contact);
	values.set_text(1, choice.sender);
	values.set_text(2, scope_of(choice.marketing_only));
	values.set(3, BoolGetDatum(choice.opted_out));
	values.set(4, TimestampTzGetDatum(choice.at));
	values.set_text(5, choice.source);
	values.set_text(6, choice.reason);
	run_statement(statement, values);
}

void
note_marketing_stopped(std::int64_t message_id, std::int64_t at)
{
	static Statement statement = {
	    "SELECT recipient_phone, sender FROM @s@.whatsapp_messages WHERE id = $1 AND recipient_phone IS NOT NULL",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	const Result message = run_statement(statement, values);
	if (message.empty())
		return;
	const char *contact = contact_of(message.text_at(0, 1));
	const char *sender = message.text_at(0, 2);
	record_choice({contact, sender, true, true, at, "error", "131050"});
}

void
heed_keyword(const char *text, const char *const (&contacts)[2], const char *sender,
             std::int64_t at)
{
	static Statement statement = {
	    "SELECT action, scope, keyword FROM @s@.whatsapp_opt_out_keywords WHERE @s@.wa_keyword_key(keyword) = $1"
	    " ORDER BY built_in LIMIT 1",
	    1,
	    {TEXTOID}};
	if (text == nullptr)
		return;
	const char *key = nullptr;
	run_body([&] { key = cstring_out(keyword_key(text)); });
	if (*key == '\0')
		return;
	Values values;
	values.set_text(0, key);
	const Result match = run_statement(statement, values);
	if (match.empty())
		return;
	const char *action = match.text_at(0, 1);
	const bool marketing = strcmp(match.text_at(0, 2), "marketing") == 0;
	const char *keyword = match.text_at(0, 3);
	if (strcmp(action, "none") == 0)
		return;
	const bool stop = strcmp(action, "stop") == 0;
	for (const char *contact : contacts) {
		if (contact == nullptr)
			continue;
		record_choice({contact, sender, marketing, stop, at, "keyword", keyword});
		/* who asks for messages again asks for all of them: opt-outs of the other scope end, too */
		if (!stop)
			record_choice({contact, sender, !marketing, stop, at, "keyword", keyword});
	}
}

/* Who says again what was known says it now: an older choice that comes late must not undo it. */
#define SAID_AGAIN \
	"UPDATE @s@.whatsapp_opt_outs AS o SET changed_at = greatest(o.changed_at, clock_timestamp())"

bool
opt_out(const char *contact, const char *sender, bool marketing_only, const char *reason)
{
	static Statement said_again = {
	    SAID_AGAIN " WHERE o.contact IN (SELECT p.contact FROM " LINKED_CONTACTS(
	        "$1",
	        "$2") " AS p) AND o.opted_out AND o.sender IS NOT DISTINCT FROM $2 AND o.scope = $3",
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_opt_outs AS o (contact, sender, scope, opted_out, changed_at, source, reason)"
	    " SELECT p.contact, $2, $3, true, clock_timestamp(), 'function', $4 FROM " LINKED_CONTACTS(
	        "$1",
	        "$2") " AS p ON CONFLICT (contact, sender, scope) DO UPDATE"
	              " SET opted_out = true, changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, reason = EXCLUDED.reason"
	              " WHERE NOT o.opted_out",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set_identifier(0, contact);
	values.set_text(1, sender);
	values.set_text(2, scope_of(marketing_only));
	run_statement(said_again, values);
	values.set_text(3, reason);
	return !run_statement(statement, values).empty();
}

/* A link of one account lifts nothing of another's. */
#define OF_PERSON                                                                                                  \
	" WHERE o.contact IN (SELECT p.contact FROM " LINKED_CONTACTS(                                                 \
	    "$1",                                                                                                      \
	    "$2") " AS p) AND ($2 IS NULL OR o.sender = $2)"                                                           \
	          " AND (o.contact = $1 OR EXISTS (SELECT FROM @s@.whatsapp_user_ids AS u"                             \
	          "  WHERE ((u.user_id = $1 AND u.contact = o.contact) OR (u.contact = $1 AND u.user_id = o.contact))" \
	          "   AND u.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = o.sender)))"

bool
opt_in(const char *contact, const char *sender)
{
	static Statement said_again = {
	    SAID_AGAIN OF_PERSON " AND NOT o.opted_out", 2, {TEXTOID, TEXTOID}};
	static Statement statement = {
	    "UPDATE @s@.whatsapp_opt_outs AS o SET opted_out = false, changed_at = clock_timestamp(), source = 'function', reason = NULL" OF_PERSON
	    " AND o.opted_out",
	    2,
	    {TEXTOID, TEXTOID}};
	Values values;
	values.set_identifier(0, contact);
	values.set_text(1, sender);
	run_statement(said_again, values);
	return !run_statement(statement, values).empty();
}

const char *
contact_of(const char *phone)
{
	if (phone == nullptr || *phone == '\0')
		return nullptr;
	const char *contact = nullptr;
	run_body([&] { contact = cstring_out(contact_key(phone)); });
	return contact;
}

} // namespace whatsapp::pg
