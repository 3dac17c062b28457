/*
 * session.cpp — settings of the session; a hook around functions that are not ours.
 *
 * The server calls the hook at the beginning and at the end of each function for which wants_hook()
 * says yes; it does so for SECURITY DEFINER, too, whose way of changing settings is used here.
 */
#include "pg/server/session.hpp"

#include "pg/server/settings.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
}

namespace whatsapp::pg
{

namespace
{

/* Settings of which a worker has values of its own. A user's code gets the database's values. */
constexpr const char *own_limits[] = {"lock_timeout", "statement_timeout", "row_security"};

needs_fmgr_hook_type previous_needs_hook = nullptr;
fmgr_hook_type previous_hook = nullptr;

/* how many functions of users are running, one within the other */
int depth = 0;
/* the level of settings that leave_user_code() has to end; 0: the server ends it, together with
 * that of the function's SET clause */
int settings_level = 0;
bool timer_started = false;

void
set_setting(const char *name, const char *value)
{
	/* not every server version, and not every cluster, has each of them */
	if (GetConfigOption(name, true, false) != nullptr)
		SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

bool
is_own_function(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	bool own = false;
	if (reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang == ClanguageId) {
		bool null;
		const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null);
		own = !null &&
		      strncmp(TextDatumGetCString(source), "pg_whatsapp_", strlen("pg_whatsapp_")) == 0;
	}
	ReleaseSysCache(tuple);
	return own;
}

bool
has_own_settings(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	const bool has = !heap_attisnull(tuple, Anum_pg_proc_proconfig, nullptr);
	ReleaseSysCache(tuple);
	return has;
}

extern "C" bool
wants_hook(Oid function)
{
	if (previous_needs_hook != nullptr && previous_needs_hook(function))
		return true;
	return !is_own_function(function);
}

/* For a function with a SET clause, the server has begun a level of settings before this call. It
 * ends that level, and all within it, before leave_user_code(). */
void
enter_user_code(Oid function)
{
	if (depth++ > 0)
		return;
	const int level = NewGUCNestLevel();
	settings_level = has_own_settings(function) ? 0 : level;
	show_database_limits();
	/* the caller may have started this timer already */
	timer_started = !get_timeout_active(STATEMENT_TIMEOUT);
	if (timer_started)
		enable_timeout_after(STATEMENT_TIMEOUT, settings.trigger_timeout);
}

/* With an error, the server takes back the settings when it rolls back. */
void
leave_user_code(bool with_error)
{
	if (--depth > 0)
		return;
	if (timer_started) {
		disable_timeout(STATEMENT_TIMEOUT, false);
		/* the time ran out when the work was done: that cancel must not hit the next statement */
		if (!with_error)
			QueryCancelPending = false;
	}
	if (!with_error && settings_level != 0)
		AtEOXact_GUC(true, settings_level);
}

extern "C" void
around_function(FmgrHookEventType event, FmgrInfo *function, Datum *argument)
{
	if (previous_hook != nullptr)
		previous_hook(event, function, argument);
	/* The server calls this for each function with a SET clause, also for ours. A function of ours
	 * is counted only while one of a user's is running around it. So at the end of a function depth
	 * tells enough: when it is 0, no function of a user's is ending, and the catalog need not be
	 * asked. */
	if (event == FHET_START && (depth > 0 || !is_own_function(function->fn_oid)))
		enter_user_code(function->fn_oid);
	else if (event != FHET_START && depth > 0)
		leave_user_code(event == FHET_ABORT);
}

} // namespace

void
show_database_limits()
{
	for (const char *name : own_limits)
		(void)set_config_option(name, GetConfigOptionResetString(name), PGC_SUSET, PGC_S_SESSION,
		                        GUC_ACTION_SAVE, true, 0, false);
}

void
apply_session_settings()
{
	set_setting("search_path", "pg_catalog, pg_temp");
	set_setting("default_transaction_isolation", "read committed");
	set_setting("default_transaction_read_only", "off");
	set_setting("default_transaction_deferrable", "off");
	set_setting("statement_timeout", "0");
	set_setting("transaction_timeout", "0");
	set_setting("idle_in_transaction_session_timeout", "0");
	/* DDL that holds a lock may delay a worker, not hang its shutdown */
	set_setting("lock_timeout", "500ms");
	set_setting("row_security", "off");
	/* "sending" must be on disk before bytes leave, whatever the cluster does with its other
	 * commits */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		set_setting("synchronous_commit", "local");
	/* parameters and texts of messages must not reach the log through our own statements */
	set_setting("log_statement", "none");
	set_setting("log_min_duration_statement", "-1");
	set_setting("log_min_duration_sample", "-1");
	set_setting("log_parameter_max_length_on_error", "0");
	set_setting("log_parameter_max_length", "0");
	set_setting("debug_print_parse", "off");
	set_setting("debug_print_rewritten", "off");
	set_setting("debug_print_plan", "off");
	set_setting("auto_explain.log_parameter_max_length", "0");
}

void
begin_session()
{
	apply_session_settings();
	previous_needs_hook = needs_fmgr_hook;
	needs_fmgr_hook = wants_hook;
	previous_hook = fmgr_hook;
	fmgr_hook = around_function;
}

} // namespace whatsapp::pg
