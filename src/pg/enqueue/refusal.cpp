/*
 * refusal.cpp — opt-outs and templates that Meta has not approved, asked before anything is queued.
 */
#include "pg/enqueue/refusal.hpp"

#include <string>

#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/value/recipient.hpp"
#include "core/webhook/account.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
}

namespace whatsapp::pg
{

namespace
{

OwnTable templates("whatsapp_templates");

/* What a command has found at its first message holds for its others: to ask costs two system
 * calls, and whoever opts out meanwhile is heeded before the message leaves. Each statement of
 * ours, such as wa_opt_out(), begins a new command. */
struct TableLook {
	LocalTransactionId transaction;
	CommandId command;
	bool people;
	bool templates;
};

const TableLook &
look_at_tables()
{
	static TableLook last = {};
	const CommandId command = GetCurrentCommandId(false);
	if (last.transaction != local_transaction() || last.command != command) {
		const bool people = any_opt_outs();
		const bool known_templates = has_pages(templates);
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
	                : "The recipient wants no messages from sender " + quote_name(message.sender) +
	                      ".",
	            "Once the recipient has agreed to messages again, call wa_opt_in().");
}

[[noreturn]] void
refuse_template(const NewMessage &message, const char *status)
{
	throw Fault(sqlstate::template_not_approved,
	            "template " + quote_name(message.template_name) + " in language " +
	                quote_name(message.template_language) + " is not approved",
	            "Its status is " + quote_name(status) + ".",
	            "See it in WhatsApp Manager, or turn whatsapp.check_templates off.");
}

[[noreturn]] void
refuse_user_id()
{
	throw Fault(sqlstate::invalid_parameter_value,
	            "one-time code cannot go to a business-scoped user id",
	            "Meta sends authentication templates to phone numbers alone.");
}

} // namespace

bool
may_send(NewMessage &message, Failure &why)
{
	static Statement statement = {
	    "SELECT (SELECT o.scope FROM @s@.whatsapp_opt_outs AS o WHERE o.contact = $1 AND o.opted_out"
	    "   AND (o.sender IS NULL OR o.sender = $2) AND (o.scope = 'all' OR t.category = 'MARKETING')"
	    "   ORDER BY o.scope LIMIT 1), t.status, t.name IS NULL OR t.gone_at IS NOT NULL,"
	    "  CASE WHEN t.synced_at IS NOT NULL AND t.components IS NOT NULL THEN t.ctid::text || ' ' || t.xmin::text END,"
	    "  (t.name IS NULL OR t.gone_at IS NOT NULL) AND EXISTS (SELECT FROM @s@.whatsapp_requests AS r WHERE r.kind = 'sync_templates'"
	    "   AND r.state = 'done' AND r.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $2)),"
	    "  coalesce(t.category = 'AUTHENTICATION', false)"
	    " FROM (VALUES (1)) AS one LEFT JOIN @s@.whatsapp_templates AS t ON t.name = $3 AND t.language = $4"
	    "  AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $2)",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	const bool person = settings.check_opt_outs && look_at_tables().people;
	/* whether a template is for one-time codes is asked whatever check_templates says */
	const bool known = look_at_tables().templates && message.template_name != nullptr;
	const bool named = settings.check_templates && known;
	if (!person && !known)
		return true;
	Values values;
	values.set_text(0, contact_of(message.recipient_phone));
	values.set_text(1, message.sender);
	values.set_text(2, message.template_name);
	values.set_text(3, message.template_language);
	const Result found = run_statement(statement, values);
	const char *scope = person ? found.text_at(0, 1) : nullptr;
	message.has_code = message.has_code || (known && found.bool_at(0, 6));
	const bool unknown = named && found.bool_at(0, 3);
	const char *status = named && !unknown ? found.text_at(0, 2) : nullptr;
	if (!try_body(why, [&] {
		    if (scope != nullptr)
			    refuse_opted_out(message, strcmp(scope, "marketing") == 0);
		    if (status != nullptr && template_status_blocks(status))
			    refuse_template(message, status);
		    if (named && message.has_code && looks_like_user_id(message.recipient_phone))
			    refuse_user_id();
	    }))
		return false;
	if (unknown && found.bool_at(0, 5)) {
		describe_unknown_template(message, why);
		return false;
	}
	const char *version = named && !unknown ? found.text_at(0, 4) : nullptr;
	return version == nullptr || template_matches(message, version, why);
}

bool
may_react(const char *wamid, Failure &why)
{
	static Statement statement = {
	    "SELECT i.message_type = 'reaction' FROM @s@.whatsapp_inbound AS i WHERE i.wamid = $1"
	    " AND (i.message_type = 'reaction' OR i.occurred_at < now() - interval '30 days')",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, wamid);
	const Result found = run_statement(statement, values);
	if (found.empty())
		return true;
	const bool is_reaction = found.bool_at(0, 1);
	return try_body(why, [is_reaction] {
		throw Fault(sqlstate::invalid_content,
		            is_reaction ? "the message is a reaction itself"
		                        : "the message is older than 30 days",
		            "The platform takes no reaction to it.");
	});
}

} // namespace whatsapp::pg
