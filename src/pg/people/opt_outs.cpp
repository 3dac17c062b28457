/*
 * opt_outs.cpp — choices are kept with their time, so that an old one that comes late changes
 * nothing.
 */
#include "pg/people/opt_outs.hpp"

#include <string>

#include "core/webhook/account.hpp"
#include "core/base/fault.hpp"
#include "core/webhook/inbound.hpp"
#include "core/base/redact.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/boundary.hpp"
#include "pg/server/compat.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
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
OwnTable templates("whatsapp_templates");

/* Without a page: where nobody has opted out, an enqueue must not pay for a look-up. */
bool
is_empty(OwnTable &table)
{
	Relation relation = table_open(find(table), is_new_here(table) ? AccessShareLock : NoLock);
	const bool empty = RelationGetNumberOfBlocks(relation) == 0;
	note_locked(table);
	table_close(relation, NoLock);
	return empty;
}

/* What a command has found at its first message holds for its others: to ask costs two system
 * calls, and whoever opts out meanwhile is heeded before the message leaves. Each statement of
 * ours, such as wa_opt_out(), begins a new command. */
struct Look {
	LocalTransactionId transaction;
	CommandId command;
	bool people;
	bool templates;
};

const Look &
look()
{
	static Look last = {};
	const CommandId command = GetCurrentCommandId(false);
	if (last.transaction != local_transaction() || last.command != command) {
		const bool people = !is_empty(opt_outs);
		const bool known_templates = !is_empty(templates);
		last = {local_transaction(), command, people, known_templates};
	}
	return last;
}

[[noreturn]] void
refuse_opted_out(const NewMessage &message, bool marketing_only)
{
	throw Fault(sqlstate::recipient_opted_out, "recipient has opted out",
	            marketing_only
	                ? "The recipient wants no marketing messages, and the template is one."
	                : "The recipient wants no messages from sender " + quoted(message.sender) + ".",
	            "Once the recipient has agreed to messages again, call wa_opt_in().");
}

[[noreturn]] void
refuse_template(const NewMessage &message, const char *status)
{
	throw Fault(sqlstate::template_not_approved,
	            "template " + quoted(message.template_name) + " in language " +
	                quoted(message.template_language) + " is not approved",
	            "Its status is " + quoted(status) + ".",
	            "See it in WhatsApp Manager, or turn whatsapp.check_templates off.");
}

} // namespace

bool
any_opt_outs()
{
	return !is_empty(opt_outs);
}

void
record_choice(const Choice &choice)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_opt_outs AS o (contact, sender, scope, opted_out, changed_at, source, reason)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (contact, sender, scope) DO UPDATE"
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
note_marketing_stopped(std::int64_t message_id)
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
	record_choice(
	    {contact, sender, true, true, GetCurrentTransactionStartTimestamp(), "error", "131050"});
}

void
heed_keyword(const char *text, const char *const (&contacts)[2], const char *sender,
             std::int64_t at)
{
	static Statement statement = {
	    "SELECT action, scope, keyword FROM @s@.whatsapp_opt_out_keywords WHERE keyword = upper($1)"
	    " ORDER BY built_in LIMIT 1",
	    1,
	    {TEXTOID}};
	if (text == nullptr)
		return;
	const std::string_view word = keyword_of(text);
	if (word.empty())
		return;
	Values values;
	values.set(
	    0, PointerGetDatum(cstring_to_text_with_len(word.data(), static_cast<int>(word.size()))));
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
		/* whoever asks for messages again asks for all that may come */
		if (!stop)
			record_choice({contact, sender, !marketing, stop, at, "keyword", keyword});
	}
}

bool
opt_out(const char *contact, const char *sender, bool marketing_only, const char *reason)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_opt_outs AS o (contact, sender, scope, opted_out, changed_at, source, reason)"
	    " VALUES ($1, $2, $3, true, clock_timestamp(), 'function', $4) ON CONFLICT (contact, sender, scope) DO UPDATE"
	    " SET opted_out = true, changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, reason = EXCLUDED.reason"
	    " WHERE NOT o.opted_out",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	Values values;
	values.set_identifier(0, contact);
	values.set_text(1, sender);
	values.set_text(2, scope_of(marketing_only));
	values.set_text(3, reason);
	return !run_statement(statement, values).empty();
}

bool
opt_in(const char *contact, const char *sender)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_opt_outs SET opted_out = false, changed_at = clock_timestamp(), source = 'function', reason = NULL"
	    " WHERE contact = $1 AND opted_out AND ($2 IS NULL OR sender = $2)",
	    2,
	    {TEXTOID, TEXTOID}};
	Values values;
	values.set_identifier(0, contact);
	values.set_text(1, sender);
	return !run_statement(statement, values).empty();
}

const char *
contact_of(const char *phone)
{
	if (phone == nullptr || *phone == '\0')
		return nullptr;
	const char *contact = nullptr;
	guarded([&] { contact = cstring_out(contact_key(phone)); });
	return contact;
}

bool
may_send(const NewMessage &message, Failure &why)
{
	static Statement statement = {
	    "SELECT (SELECT o.scope FROM @s@.whatsapp_opt_outs AS o WHERE o.contact = $1 AND o.opted_out"
	    "   AND (o.sender IS NULL OR o.sender = $2) AND (o.scope = 'all' OR t.category = 'MARKETING')"
	    "   ORDER BY o.scope LIMIT 1), t.status"
	    " FROM (VALUES (1)) AS one LEFT JOIN @s@.whatsapp_templates AS t ON t.name = $3 AND t.language = $4"
	    "  AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $2)",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	const bool person = settings.check_opt_outs && look().people;
	const bool text = settings.check_templates && look().templates;
	if (!person && !text)
		return true;
	Values values;
	values.set_text(0, contact_of(message.recipient_phone));
	values.set_text(1, message.sender);
	values.set_text(2, message.template_name);
	values.set_text(3, message.template_language);
	const Result found = run_statement(statement, values);
	const char *scope = person ? found.text_at(0, 1) : nullptr;
	const char *status = text ? found.text_at(0, 2) : nullptr;
	return attempt(why, [&] {
		if (scope != nullptr)
			refuse_opted_out(message, strcmp(scope, "marketing") == 0);
		if (status != nullptr && template_status_blocks(status))
			refuse_template(message, status);
	});
}

} // namespace whatsapp::pg
