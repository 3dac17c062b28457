/*
 * worker.cpp — the common frame of sender, listener and reader.
 */
#include "pg/server/worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "pg/server/planning.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/shmem.hpp"
#include "pg/server/transaction.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
}

namespace whatsapp::pg
{

namespace
{

/* class of the session-level advisory locks that make a worker single in its database: the ASCII
 * codes of "wha" */
constexpr int advisory_class = 0x776861;

volatile sig_atomic_t cancellable = 0;

/*
 * A polite SIGTERM: answers that are here get recorded before the process goes. Only a wait that
 * could last for ever, for a standby that must confirm a commit, is broken off at once.
 */
extern "C" void
request_shutdown(SIGNAL_ARGS)
{
	const int saved = errno;
	ShutdownRequestPending = true;
	if (cancellable != 0) {
		QueryCancelPending = true;
		InterruptPending = true;
	}
	if (MyProc != nullptr && MyProc->syncRepState == SYNC_REP_WAITING)
		die(postgres_signal_arg);
	SetLatch(MyLatch);
	errno = saved;
}

void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

void
set_session()
{
	set("search_path", "pg_catalog, pg_temp");
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "off");
	set("statement_timeout", "0");
	set("idle_in_transaction_session_timeout", "0");
	/* DDL that holds a lock may delay a worker, not hang its shutdown */
	set("lock_timeout", "500ms");
	set("row_security", "off");
	/* "sending" must be on disk before bytes leave, whatever the cluster does with its other
	 * commits */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		set("synchronous_commit", "local");
	/* every statement of a worker is a batch that goes by index, see planning.hpp */
	set("enable_seqscan", "off");
	set("enable_bitmapscan", "off");
	set("enable_hashjoin", "off");
	set("enable_mergejoin", "off");
	set("plan_cache_mode", "force_generic_plan");
	set("jit", "off");
	/* parameters and texts of messages must not reach the log through our own statements */
	set("log_statement", "none");
	set("log_min_duration_statement", "-1");
	set("log_min_duration_sample", "-1");
	set("log_parameter_max_length_on_error", "0");
	set("log_parameter_max_length", "0");
	set("debug_print_parse", "off");
	set("debug_print_rewritten", "off");
	set("debug_print_plan", "off");
}

bool
become_single(Role role)
{
	static Statement statement = {"SELECT pg_try_advisory_lock($1, $2)", 2, {INT4OID, INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(advisory_class));
	values.set(1, Int32GetDatum(static_cast<int>(role)));
	run(statement, values);
	bool null;
	return DatumGetBool(column(0, 1, null));
}

void
call_at_exit(int, Datum callback)
{
	reinterpret_cast<void (*)()>(callback)();
}

} // namespace

void
start_worker(Role role, int place, unsigned database_oid)
{
	pqsignal(SIGTERM, request_shutdown);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGPIPE, SIG_IGN);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database_oid, InvalidOid, 0);
	set_session();
	plan_for_large_tables();
	pgstat_report_appname(MyBgworkerEntry->bgw_type);

	bool single = false;
	if (!transact([&] {
		    leave_without_extension(role, place);
		    single = become_single(role);
	    }))
		leave();
	if (GetDatabaseEncoding() != PG_UTF8) {
		ereport(LOG, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		              errmsg("pg_whatsapp cannot work in a database whose encoding is not UTF8")));
		say_farewell(role, place, {Farewell::no_extension, attach_count()});
		leave();
	}
	if (!single)
		leave();
	enroll(role, place, database_oid);
	pgstat_report_activity(STATE_IDLE, nullptr);
}

bool
shutdown_requested()
{
	return ShutdownRequestPending;
}

void
cancel_at_shutdown(bool on)
{
	cancellable = on ? 1 : 0;
	/* a SIGTERM of a moment ago found nothing to cancel */
	if (on && ShutdownRequestPending) {
		QueryCancelPending = true;
		InterruptPending = true;
	}
}

bool
reload_if_requested()
{
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	set_session();
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
		say_farewell(role, place, {Farewell::no_extension, attaches});
		break;
	case Extension::replaced:
		break;
	}
	leave();
}

void
before_exit(void (*callback)())
{
	on_proc_exit(call_at_exit, reinterpret_cast<Datum>(callback));
}

void
leave()
{
	/* 0 is silent in the log; the postmaster would not restart this worker after another code
	 * either */
	proc_exit(0);
}

std::int64_t
monotonic_ms() noexcept
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

} // namespace whatsapp::pg
