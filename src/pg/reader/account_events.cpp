/*
 * account_events.cpp — each fact with its own time: webhooks come late and out of order, and an old
 * status must not overwrite a newer one.
 */
#include "pg/reader/account_events.hpp"

#include "core/webhook/account.hpp"
#include "pg/identity/directory.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/people/persons.hpp"
#include "pg/requests/sync_schedule.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"

#include "pg/server/boundary.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* AccountEvent without destructors: the same strings in the server's memory, NULL for empty. */
struct Template {
	const char *id, *name, *language, *status, *reason, *title, *quality, *category, *previous,
	    *correct, *components;
};
struct Number {
	const char *display, *event, *limit, *quality, *name, *decision;
	bool upgrade;
};
struct Restriction {
	const char *display, *reason, *hint;
	AccountAction action;
	std::int64_t until;
};
struct Wish {
	const char *wa_id, *user_id, *phone_number_id, *detail;
	bool stop;
	std::int64_t at;
};
struct Facts {
	AccountEvent::About about;
	Template message_template;
	Number number;
	Restriction account;
	Wish *wishes;
	int wish_count;
};

const char *
text_or_null(const std::string &text)
{
	return text.empty() ? nullptr : cstring_out(text);
}

void
copy_facts(const AccountEvent &event, Facts &facts)
{
	const TemplateFacts &t = event.message_template;
	facts.about = event.about;
	facts.message_template = {text_or_null(t.id),
	                          text_or_null(t.name),
	                          text_or_null(t.language),
	                          text_or_null(t.status),
	                          text_or_null(t.reason),
	                          text_or_null(t.title),
	                          text_or_null(t.quality),
	                          text_or_null(t.category),
	                          text_or_null(t.previous_category),
	                          text_or_null(t.correct_category),
	                          text_or_null(t.components)};
	const NumberFacts &n = event.number;
	facts.number = {text_or_null(n.display_number),
	                text_or_null(n.event),
	                text_or_null(n.limit),
	                text_or_null(n.quality),
	                text_or_null(n.name),
	                text_or_null(n.name_decision),
	                n.throughput_upgrade};
	const AccountFacts &a = event.account;
	facts.account = {text_or_null(a.display_number), text_or_null(a.reason), text_or_null(a.hint),
	                 a.action, a.until};
	facts.wishes = array_out<Wish>(event.preferences.size());
	for (const Preference &p : event.preferences)
		facts.wishes[facts.wish_count++] = {text_or_null(p.wa_id),
		                                    text_or_null(p.user_id),
		                                    text_or_null(p.phone_number_id),
		                                    text_or_null(p.detail),
		                                    p.stop,
		                                    p.at};
}

#define THIS_TEMPLATE " WHERE name = $1 AND language = $2 AND account IS NOT DISTINCT FROM $3"
/* A webhook tells whole seconds; what an answer or a listing has told in the same second may be
 * older. */
#define IF_NEWER(time) \
	THIS_TEMPLATE " AND $4 >= coalesce(date_trunc('second', " time "), '-infinity')"

Statement make_template = {
    "INSERT INTO @s@.whatsapp_templates AS t (name, language, account, updated_at, template_id)"
    " VALUES ($1, $2, $3, now(), $5) ON CONFLICT (name, language, account) DO UPDATE"
    " SET updated_at = now(), template_id = coalesce(EXCLUDED.template_id, t.template_id)"
    " WHERE $4 IS NOT NULL",
    5,
    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement set_status = {
    "UPDATE @s@.whatsapp_templates SET status = $5, rejected_reason = nullif($6, 'NONE'), status_detail = $7,"
    " gone_at = CASE WHEN $5 IN ('DELETED', 'PENDING_DELETION') THEN gone_at END, status_at = $4" IF_NEWER(
        "status_at"),
    7,
    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID}};

Statement set_quality = {
    "UPDATE @s@.whatsapp_templates SET quality = $5, quality_at = $4" IF_NEWER("quality_at"),
    5,
    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement set_category = {
    "UPDATE @s@.whatsapp_templates SET category = $5, previous_category = coalesce($6, previous_category),"
    " correct_category = $7, category_at = $4" IF_NEWER("category_at"),
    7,
    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID}};

Statement set_components = {
    "UPDATE @s@.whatsapp_templates SET components = $5::jsonb, components_at = $4" IF_NEWER(
        "components_at"),
    5,
    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID}};

void
apply_template(const Template &t, const char *account, std::int64_t at)
{
	Values values;
	values.set_text(0, t.name);
	values.set_text(1, t.language);
	values.set_text(2, account);
	values.set(3, TimestampTzGetDatum(at));
	const Values key = values;
	values.set_text(4, t.id);
	run_statement(make_template, values);

	struct TemplateChange {
		Statement &statement;
		const char *first, *second, *third;
	};
	TemplateChange groups[] = {{set_status, t.status, t.reason, t.title},
	                           {set_quality, t.quality, nullptr, nullptr},
	                           {set_category, t.category, t.previous, t.correct},
	                           {set_components, t.components, nullptr, nullptr}};
	for (TemplateChange &group : groups) {
		if (group.first == nullptr)
			continue;
		values = key;
		values.set_text(4, group.first);
		values.set_text(5, group.second);
		values.set_text(6, group.third);
		run_statement(group.statement, values);
	}
}

/* The sender of the default account needs no row until there is something to say about it. */
void
make_default_sender(const char *account)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_senders (name) VALUES ('default') ON CONFLICT DO NOTHING", 0, {}};
	if (account == nullptr)
		run_statement(statement, Values());
}

/* $1 account, $2 the digits that people see. Webhooks tell a number by these digits alone. The only
 * sender of an account is found without them. */
#define NAMED_SENDERS                                                              \
	"(SELECT mine.name FROM (SELECT name, count(*) OVER () AS numbers,"            \
	"   regexp_replace(coalesce(display_number, ''), '[^0-9]', '', 'g') AS digits" \
	"   FROM @s@.whatsapp_senders WHERE account IS NOT DISTINCT FROM $1) AS mine"  \
	"  WHERE mine.digits = $2 OR (mine.digits = '' AND mine.numbers = 1))"

void
apply_number(const Number &number, const char *account, std::int64_t at)
{
	/* after an upgrade Meta takes 1000 messages per second. Only where nobody has chosen a rate: 80
	 * is that of a new number */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_senders AS s SET display_number = coalesce(s.display_number, '+' || $2),"
	    "  quality = CASE WHEN $4 = 'UNFLAGGED' THEN NULL ELSE coalesce($5, s.quality) END,"
	    "  messaging_limit = coalesce($6, s.messaging_limit), name_status = coalesce($7, s.name_status),"
	    "  display_name = CASE WHEN $7 = 'APPROVED' THEN coalesce($8, s.display_name) ELSE s.display_name END,"
	    "  throughput_level = CASE WHEN $9 THEN 'HIGH' ELSE s.throughput_level END,"
	    "  messages_per_second = CASE WHEN $9 AND s.messages_per_second IS NULL AND $10 = 80 THEN 1000 ELSE s.messages_per_second END,"
	    "  number_event = coalesce($4, s.number_event), number_event_at = $3"
	    " FROM " NAMED_SENDERS
	    " AS named WHERE s.name = named.name AND $3 >= coalesce(s.number_event_at, '-infinity')",
	    10,
	    {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID,
	     INT4OID}};
	make_default_sender(account);
	Values values;
	values.set_text(0, account);
	values.set_text(1, number.display);
	values.set(2, TimestampTzGetDatum(at));
	values.set_text(3, number.event);
	values.set_text(4, number.quality);
	values.set_text(5, number.limit);
	values.set_text(6, number.decision);
	values.set_text(7, number.name);
	values.set(8, BoolGetDatum(number.upgrade));
	values.set(9, Int32GetDatum(settings.messages_per_second));
	run_statement(statement, values);
}

Statement pause_account = {
    "UPDATE @s@.whatsapp_senders AS s SET paused_until = greatest(s.paused_until, $3), paused_reason = $4, paused_hint = $5,"
    "  pauses = greatest(s.pauses, 1)"
    " WHERE s.account IS NOT DISTINCT FROM $1 AND $3 > now()"
    "  AND (s.name IN " NAMED_SENDERS " OR NOT EXISTS " NAMED_SENDERS ") RETURNING s.name",
    5,
    {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}};

Statement hint_account = {
    "UPDATE @s@.whatsapp_senders SET paused_hint = $2 WHERE account IS NOT DISTINCT FROM $1 AND paused_reason IS NOT NULL",
    2,
    {TEXTOID, TEXTOID}};

void
apply_account(const Restriction &restriction, const char *account)
{
	Values values;
	values.set_text(0, account);
	if (restriction.action == AccountAction::reinstate) {
		values.set_text(1, restriction.hint);
		run_statement(hint_account, values);
		return;
	}
	make_default_sender(account);
	/* for ever is a hundred years: infinity cannot be counted in milliseconds */
	const TimestampTz until =
	    restriction.until == 0
	        ? GetCurrentTransactionStartTimestamp() + INT64CONST(100) * 365 * USECS_PER_DAY
	        : time_t_to_timestamptz(static_cast<pg_time_t>(restriction.until));
	values.set_text(1, restriction.display == nullptr ? "" : restriction.display);
	values.set(2, TimestampTzGetDatum(until));
	values.set_text(3, restriction.reason);
	values.set_text(4, restriction.hint);
	const Result paused = run_statement(pause_account, values);
	for (uint64 i = 0; i < paused.count(); i++)
		ereport(LOG, (errmsg("WhatsApp sender \"%s\" pauses: %s", paused.text_at(i, 1),
		                     restriction.reason),
		              errhint("%s", restriction.hint)));
	/* the sender keeps these rows in its memory: it has to look again */
	wake_sender_at_commit(any_due);
}

/* Whose messages a wish is about: the sender with that number; where no number is told, all senders
 * of the account. None when the number is none of ours. */
Result
senders_of_wish(const Wish &wish, const InboxTask &task)
{
	static Statement statement = {
	    "SELECT $1 WHERE $1 IS NOT NULL UNION SELECT s.name FROM @s@.whatsapp_senders AS s"
	    " WHERE $1 IS NULL AND $2 AND s.account IS NOT DISTINCT FROM $3"
	    " UNION SELECT 'default' WHERE $1 IS NULL AND $2 AND $3 IS NULL",
	    3,
	    {TEXTOID, BOOLOID, TEXTOID}};
	const char *sender;
	const char *account = nullptr;
	(void)find_sender(wish.phone_number_id, task.signed_for, sender);
	const bool all = wish.phone_number_id == nullptr &&
	                 find_account(task.account_id, task.signed_for, account) == Owner::ours;
	Values values;
	values.set_text(0, sender);
	values.set(1, BoolGetDatum(all));
	values.set_text(2, account);
	return run_statement(statement, values);
}

void
apply_wishes(const Facts &facts, const InboxTask &task)
{
	for (int i = 0; i < facts.wish_count; i++) {
		const Wish &wish = facts.wishes[i];
		const Result senders = senders_of_wish(wish, task);
		const std::int64_t told = time_t_to_timestamptz(static_cast<pg_time_t>(wish.at));
		const bool is_told = wish.at != 0 && told <= task.received_at + USECS_PER_MINUTE;
		const std::int64_t when = is_told ? told : task.occurred_at;
		for (uint64 k = 0; k < senders.count(); k++) {
			const char *sender = senders.text_at(k, 1);
			learn_person(contact_of(wish.wa_id), wish.user_id, account_of_sender(sender));
			for (const char *contact : {contact_of(wish.wa_id), wish.user_id})
				if (contact != nullptr)
					record_choice(
					    {contact, sender, true, wish.stop, when, "user_preferences", wish.detail});
		}
	}
}

} // namespace

void
apply_account_event(const InboxTask &task)
{
	Facts facts = {};
	run_body([&] {
		const AccountEvent event = read_account_event(task.raw);
		copy_facts(event, facts);
	});
	if (facts.about == AccountEvent::About::nothing)
		return;
	if (facts.about == AccountEvent::About::preferences) {
		apply_wishes(facts, task);
		return;
	}
	const char *account;
	if (find_account(task.account_id, task.signed_for, account) != Owner::ours)
		return;
	switch (facts.about) {
	case AccountEvent::About::message_template:
		apply_template(facts.message_template, account, task.occurred_at);
		request_template_sync_soon(account);
		break;
	case AccountEvent::About::number:
		apply_number(facts.number, account, task.occurred_at);
		break;
	case AccountEvent::About::account:
		apply_account(facts.account, account);
		break;
	case AccountEvent::About::nothing:
	case AccountEvent::About::preferences:
		break;
	}
}

} // namespace whatsapp::pg
