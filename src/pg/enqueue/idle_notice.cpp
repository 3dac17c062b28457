/*
 * idle_notice.cpp — the reasons why a message may stay PENDING, as far as a session can see them.
 *
 * Asked for at the first message of a session, and again for another sender: a look at each message
 * would cost more than it tells.
 */
#include "pg/enqueue/idle_notice.hpp"

#include "pg/identity/instance.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/varlena.h"
}

namespace whatsapp::pg
{

namespace
{

void
warn_of_queue(const char *detail, const char *hint)
{
	ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                  errmsg("WhatsApp messages are queued but nobody sends them"),
	                  errdetail("%s", detail), errhint("%s", hint)));
}

bool
is_database_listed()
{
	List *names = NIL;
	if (!SplitIdentifierString(pstrdup(settings.databases), ',', &names))
		return false;
	const char *own = get_database_name(MyDatabaseId);
	ListCell *cell;
	foreach (cell, names)
		if (own != nullptr && strcmp(static_cast<char *>(lfirst(cell)), own) == 0)
			return true;
	return false;
}

struct IdleReason {
	const char *detail; /* NULL: none */
	const char *hint;
};

/* Of the whole cluster or database. */
IdleReason
look_at_database()
{
	if (!library_preloaded())
		return {"The library \"pg_whatsapp\" is not in shared_preload_libraries.",
		        "Add it to shared_preload_libraries and restart the server."};
	if (!is_database_listed())
		return {psprintf("Database \"%s\" is not in whatsapp.databases.",
		                 get_database_name(MyDatabaseId)),
		        "Add it to whatsapp.databases and restart the server."};
	return {nullptr, nullptr};
}

/* A table that was altered, or that its owner may not read any more, must not make a message fail
 * that is only to be warned of. */
template <class Look>
bool
look_apart(Look look)
{
	Problem problem;
	return try_body_apart(problem, 0, [&look] { look(); });
}

bool
is_disabled(const char *sender)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_senders WHERE name = $1 AND NOT enabled", 1, {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	return !run_statement(statement, values).empty();
}

void
look_at_sender(const char *sender)
{
	bool disabled = false;
	if (look_apart([&] { disabled = is_disabled(sender); }) && disabled)
		warn_of_queue(psprintf("Sender \"%s\" is disabled.", sender),
		              "Set enabled in whatsapp_senders once its messages may leave.");
}

} // namespace

void
warn_of_idle_database()
{
	const IdleReason reason = look_at_database();
	if (reason.detail != nullptr)
		ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                  errmsg("no WhatsApp message is sent from this database yet"),
		                  errdetail("%s", reason.detail), errhint("%s", reason.hint)));
}

void
warn_of_idle_sender(const char *sender)
{
	static bool looked = false;
	static bool told_off = false;
	static char last_sender[NAMEDATALEN] = "";
	/* a reload may turn it on or off while the session lives */
	if (!settings.enabled && !told_off)
		warn_of_queue("The setting whatsapp.enabled is off.",
		              "Turn it on and reload the configuration once messages may leave.");
	told_off = !settings.enabled;
	if (!looked) {
		looked = true;
		const IdleReason reason = look_at_database();
		if (reason.detail != nullptr)
			warn_of_queue(reason.detail, reason.hint);
		/* not hold_reason(), which looks through the whole queue for rows that are held */
		bool held = false;
		if (look_apart([&] { held = instance_is_held(); }) && held)
			warn_of_queue("Messages are held: this database was restored or copied.",
			              "Look at whatsapp_held, then call wa_release().");
	}
	if (strcmp(last_sender, sender) == 0)
		return;
	strlcpy(last_sender, sender, sizeof last_sender);
	look_at_sender(sender);
}

} // namespace whatsapp::pg
