/*
 * launcher.cpp — keeps one sender, one reader and one listener alive per database of
 * whatsapp.databases, and a clerk where it is called.
 *
 * It reconciles by level, not by event: every few seconds what runs is compared with what should.
 * The workers are registered never to be restarted by the postmaster, which would know nothing of
 * dropped databases and extensions.
 */
#include "entry/launcher/launcher.hpp"

#include <cstdint>
#include <initializer_list>

#include "entry/launcher/worker_place.hpp"

#include "pg/server/clock.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/clearance.hpp"
#include "pg/server/clerk_call.hpp"
#include "pg/server/log_lines.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/wait_set.hpp"
#include "pg/server/worker.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"
}

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t reconcile_ms = 5000;
constexpr std::int64_t first_delay_ms = 1000;
constexpr std::int64_t last_delay_ms = 60000;
/* CREATE EXTENSION rings; this is for what rings no bell, such as a restored base backup */
constexpr std::int64_t no_extension_ms = 60000;
/* a worker that lived this long did not fail at its start */
constexpr std::int64_t healthy_ms = 60000;

struct Post {
	BackgroundWorkerHandle *handle;
	std::int64_t started;
	std::int64_t not_before;
	std::int64_t delay;
	bool waits_for_extension;
};

struct Place {
	char name[NAMEDATALEN];
	Oid database;
	bool missed; /* the log says that it is missing */
	Post sender;
	Post listener;
	Post reader;
	Post clerk;
};

struct WorkerKind {
	const char *function;
	const char *type;
};

WorkerKind
kind_of(pg::Role role)
{
	switch (role) {
	case pg::Role::listener:
		return {"pg_whatsapp_listener_main", "pg_whatsapp listener"};
	case pg::Role::reader:
		return {"pg_whatsapp_reader_main", "pg_whatsapp reader"};
	case pg::Role::clerk:
		return {"pg_whatsapp_clerk_main", "pg_whatsapp clerk"};
	case pg::Role::sender:
	case pg::Role::launcher:
		break;
	}
	return {"pg_whatsapp_sender_main", "pg_whatsapp sender"};
}

Place places[pg::max_databases];
int place_count = 0;

void
name_places()
{
	char *list = pstrdup(pg::settings.databases);
	List *names = NIL;
	if (!SplitIdentifierString(list, ',', &names)) {
		ereport(LOG,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("invalid list syntax in WhatsApp parameter \"%s\"", "whatsapp.databases"),
		         errdetail("No WhatsApp message is sent."),
		         errhint("Separate the names by commas, and put a name that is not lower-case "
		                 "letters, digits and _ into double quotes.")));
		return;
	}
	ListCell *cell;
	foreach (cell, names) {
		if (place_count == pg::max_databases) {
			ereport(
			    LOG,
			    (errmsg(
			        "WhatsApp parameter \"%s\" names more than %d databases; the rest is left out",
			        "whatsapp.databases", pg::max_databases)));
			break;
		}
		strlcpy(places[place_count++].name, static_cast<char *>(lfirst(cell)), NAMEDATALEN);
	}
}

/*
 * InvalidOid for a database that is not there or takes no connections: a worker for it would only
 * fill the log. A plain scan, as autovacuum does it: without a database of its own this process may
 * have no index of a shared catalog to hand.
 */
void
find_databases()
{
	for (int i = 0; i < place_count; i++)
		places[i].database = InvalidOid;
	Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(catalog, 0, nullptr);
	HeapTuple tuple;
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != nullptr) {
		const auto *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
		for (int i = 0; i < place_count; i++)
			/* what DROP DATABASE has left half done takes no connection either */
			if (row->datallowconn && row->datconnlimit != pg::connection_limit_of_invalid &&
			    strcmp(NameStr(row->datname), places[i].name) == 0)
				places[i].database = row->oid;
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/* A line in the log for each database that is missing: once, until it has been there. */
void
report_missing_databases()
{
	for (int i = 0; i < place_count; i++) {
		Place &place = places[i];
		const bool missing = !OidIsValid(place.database);
		if (missing && !place.missed)
			ereport(
			    LOG,
			    (errcode(ERRCODE_UNDEFINED_DATABASE),
			     errmsg(
			         "WhatsApp database \"%s\" of whatsapp.databases does not exist, or takes no "
			         "connections",
			         place.name),
			     errdetail("No WhatsApp message is sent there until it does."),
			     errhint("Names without double quotes are folded to lower case.")));
		place.missed = missing;
	}
}

void
start_worker(int place, pg::Role role, Post &post, std::int64_t now)
{
	const WorkerKind kind = kind_of(role);
	const WorkerPlace own = {place, places[place].database};
	BackgroundWorker worker;
	memset(&worker, 0, sizeof worker);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "pg_whatsapp", sizeof worker.bgw_library_name);
	strlcpy(worker.bgw_function_name, kind.function, sizeof worker.bgw_function_name);
	strlcpy(worker.bgw_type, kind.type, BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %s", worker.bgw_type,
	         places[place].name);
	memcpy(worker.bgw_extra, &own, sizeof own);
	static_assert(sizeof own <= BGW_EXTRALEN);

	post.waits_for_extension = false;
	post.started = now;
	if (RegisterDynamicBackgroundWorker(&worker, &post.handle))
		return;
	post.handle = nullptr;
	post.not_before = now + last_delay_ms;
	ereport(LOG, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
	              errmsg("could not start WhatsApp worker \"%s\"", worker.bgw_name),
	              errhint("You might need to increase max_worker_processes.")));
}

/* After a worker has gone: when may the next one start? */
void
retire_worker(int place, pg::Role role, Post &post, std::int64_t now)
{
	pfree(post.handle);
	post.handle = nullptr;
	const pg::Farewell farewell = pg::take_farewell(role, place);
	if (farewell.reason == pg::Farewell::no_extension) {
		post.waits_for_extension = true;
		post.not_before = farewell.attaches == pg::attach_count() ? now + no_extension_ms : now;
		return;
	}
	post.delay = now - post.started > healthy_ms || post.delay == 0
	                 ? first_delay_ms
	                 : Min(post.delay * 2, last_delay_ms);
	post.not_before = now + post.delay;
}

void
reconcile_post(int place, pg::Role role, Post &post, bool wanted, bool attached, std::int64_t now)
{
	pid_t pid;
	if (post.handle != nullptr && GetBackgroundWorkerPid(post.handle, &pid) == BGWH_STOPPED)
		retire_worker(place, role, post, now);
	/* no longer wanted: the database was renamed, for instance, or the clerk was switched off */
	if (post.handle != nullptr && !wanted)
		TerminateBackgroundWorker(post.handle);
	if (attached && post.waits_for_extension)
		post.not_before = now;
	/* one that an earlier launcher started still counts: its seat is taken */
	if (post.handle == nullptr && wanted && now >= post.not_before &&
	    !pg::seat_taken(role, place)) {
		pg::fault_point(pg::FaultPoint::worker_start);
		start_worker(place, role, post, now);
	}
}

void
reconcile_all(bool attached)
{
	pg::run_transaction([] { find_databases(); });
	report_missing_databases();
	const std::int64_t now = pg::monotonic_ms();
	for (int i = 0; i < place_count; i++) {
		const bool here = OidIsValid(places[i].database) && !pg::kept_clear(places[i].database);
		reconcile_post(i, pg::Role::sender, places[i].sender, here, attached, now);
		reconcile_post(i, pg::Role::reader, places[i].reader, here, attached, now);
		/* a clerk is started when it is called for, and ends by itself when it is idle */
		const bool called =
		    here && pg::settings.clerk && pg::settings.enabled &&
		    (places[i].clerk.handle != nullptr || pg::clerk_called(places[i].database));
		reconcile_post(i, pg::Role::clerk, places[i].clerk, called, attached, now);
		/* without an address, too: for what a web tier brings by SQL */
		reconcile_post(i, pg::Role::listener, places[i].listener, here, attached, now);
	}
}

long
next_reconcile_ms()
{
	const std::int64_t now = pg::monotonic_ms();
	std::int64_t until = now + reconcile_ms;
	for (int i = 0; i < place_count; i++)
		for (const Post *post :
		     {&places[i].sender, &places[i].listener, &places[i].reader, &places[i].clerk})
			if (post->handle == nullptr && post->not_before > now)
				until = Min(until, post->not_before);
	return static_cast<long>(until - now);
}

} // namespace

void
register_launcher()
{
	BackgroundWorker worker;
	memset(&worker, 0, sizeof worker);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	/* not on a standby; at promotion it starts by itself */
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "pg_whatsapp", sizeof worker.bgw_library_name);
	strlcpy(worker.bgw_function_name, "pg_whatsapp_launcher_main", sizeof worker.bgw_function_name);
	strlcpy(worker.bgw_name, "pg_whatsapp launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pg_whatsapp launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_launcher_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::begin_log();
	/* not die(), which writes a FATAL line into the log at each clean stop */
	pg::install_shutdown_handler();
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
	pgstat_report_appname(MyBgworkerEntry->bgw_type);
	MemoryContextSwitchTo(TopMemoryContext);
	name_places();
	pg::take_seat(pg::Role::launcher, 0, InvalidOid);
	pg::start_counting(pg::Role::launcher, 0, "");

	pg::WaitSet waits(-1, "WhatsappLauncher");
	unsigned seen = pg::attach_count();
	while (!pg::shutdown_requested()) {
		pg::note_loop(pg::Role::launcher);
		CHECK_FOR_INTERRUPTS();
		pg::reload_if_requested();
		/* the latch alone says nothing: it is set for every worker that ends, too */
		const unsigned attaches = pg::attach_count();
		reconcile_all(attaches != seen);
		seen = attaches;
		waits.wait_for_event(next_reconcile_ms());
	}
	/* The postmaster starts the launcher again after exit code 1, unless the server stops. After
	 * code 0 it would not. */
	proc_exit(1);
}
