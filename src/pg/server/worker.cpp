/*
 * worker.cpp — the common frame of sender, listener, reader and clerk.
 */
#include "pg/server/worker.hpp"

#include <csignal>
#include <cstdint>

#include <sys/resource.h>

#include "pg/server/planning.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/session.hpp"
#include "pg/server/log_lines.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/guc.h"
}

namespace whatsapp::pg
{

namespace
{

/*
 * Takes the lock of this role and database until this process ends; false when another worker has
 * it. It is no advisory lock: any role that may log in could take that one, and keep the worker
 * away for ever. It is of the same kind (only such locks outlive a transaction that is rolled
 * back), but of a type that no function of SQL takes; pg_locks calls it "userlock".
 */
bool
become_single(Role role)
{
	const LOCKTAG tag = {MyDatabaseId,     extension_oid(), static_cast<uint32>(role), 0,
	                     LOCKTAG_USERLOCK, USER_LOCKMETHOD};
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* A core file has the secrets in it. Only the soft limit: a reload may give it back. */
void
limit_core_files()
{
	rlimit limit;
	if (getrlimit(RLIMIT_CORE, &limit) != 0)
		return;
	static const rlim_t given = limit.rlim_cur;
	limit.rlim_cur = settings.core_files ? given : 0;
	(void)setrlimit(RLIMIT_CORE, &limit);
}

void
call_at_exit(int, Datum callback)
{
	reinterpret_cast<void (*)()>(callback)();
}

} // namespace

namespace
{

/* empty in a process that is no worker of ours */
char database_name[NAMEDATALEN] = "";
/* The level of the log lines about beginning and end; 0 until the worker has begun. For the clerk
 * it is low, since it comes and goes. */
int life_level = 0;
const char *end_reason = "It has nothing to do, or its first transaction failed.";

} // namespace

bool
is_own_worker()
{
	return database_name[0] != '\0';
}

const char *
worker_database_name()
{
	return database_name;
}

void
start_worker(Role role, int place, unsigned database_oid)
{
	limit_core_files();
	begin_log();
	install_shutdown_handler();
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGPIPE, SIG_IGN);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database_oid, InvalidOid, 0);
	begin_session();
	plan_for_large_tables();
	pgstat_report_appname(MyBgworkerEntry->bgw_type);

	bool single = false;
	if (!run_transaction([&] {
		    strlcpy(database_name, get_database_name(MyDatabaseId), sizeof database_name);
		    name_log_database(database_name);
		    leave_without_extension(role, place);
		    single = become_single(role);
		    if (!single)
			    ereport(LOG, (errmsg("WhatsApp worker \"%s\" leaves: another one is still at work",
			                         MyBgworkerEntry->bgw_name),
			                  errhint("It is tried again. pg_stat_activity shows the other one.")));
	    }))
		end_worker();
	if (GetDatabaseEncoding() != PG_UTF8) {
		ereport(
		    LOG,
		    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		     errmsg(
		         "pg_whatsapp cannot send WhatsApp messages in a database whose encoding is not UTF8")));
		say_farewell(role, place, {Farewell::no_extension, attach_count()});
		end_worker();
	}
	if (!single)
		end_worker();
	take_seat(role, place, database_oid);
	start_counting(role, place, database_name);
	if (role == Role::sender)
		reset_rung(place);
	pgstat_report_activity(STATE_IDLE, nullptr);
	life_level = role == Role::clerk ? DEBUG1 : LOG;
	ereport(life_level, (errmsg("WhatsApp %s has begun", worker_word())));
}

bool
reload_if_requested()
{
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	limit_core_files();
	apply_session_settings();
	return true;
}

void
leave_without_extension(Role role, int place)
{
	/* counted before the look: a CREATE EXTENSION that commits after it must not be missed */
	const unsigned attaches = attach_count();
	switch (look_for_extension()) {
	case Extension::present:
		return;
	case Extension::absent:
		end_reason = "The extension is not in this database any more.";
		say_farewell(role, place, {Farewell::no_extension, attaches});
		break;
	case Extension::other_version:
		end_reason = "The extension is of another version than its library.";
		ereport(LOG,
		        (errmsg("no WhatsApp message is sent from database \"%s\": its extension is not "
		                "of version %s, as the library",
		                get_database_name(MyDatabaseId), PG_WHATSAPP_VERSION),
		         errhint("Call ALTER EXTENSION pg_whatsapp UPDATE there.")));
		say_farewell(role, place, {Farewell::no_extension, attaches});
		break;
	case Extension::replaced:
		end_reason = "The extension was made anew; another one takes over.";
		break;
	}
	end_worker();
}

void
before_exit(void (*callback)())
{
	on_proc_exit(call_at_exit, reinterpret_cast<Datum>(callback));
}

void
end_worker()
{
	if (life_level != 0)
		ereport(life_level,
		        (errmsg("WhatsApp %s has ended", worker_word()),
		         errdetail("%s", shutdown_requested()
		                             ? "It was told to: by the server, an administrator, or a "
		                               "command on the database."
		                             : end_reason)));
	/* 0 is silent in the log; the postmaster would not restart this worker after another code
	 * either */
	proc_exit(0);
}

} // namespace whatsapp::pg
