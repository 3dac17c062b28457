/*
 * callback_work.cpp — a function is called by its OID, as a trigger function is; a row is found by
 * its key.
 *
 * What runs here can neither become another role nor leave anything behind in the session: the
 * restrictions are those of REFRESH MATERIALIZED VIEW. It can make no temporary objects, no
 * deferred triggers, and no cursor that outlives it.
 */
#include "pg/callbacks/callback_work.hpp"

#include "pg/enqueue/new_message.hpp"
#include "pg/identity/kept_role.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/session.hpp"
#include "pg/server/statement.hpp"
#include "pg/watches/row_key.hpp"
#include "pg/watches/status_column.hpp"
#include "pg/watches/watch_query.hpp"
#include "pg/watches/watch_rows.hpp"
#include "pg/watches/watch_triggers.hpp"

extern "C" {
#include "access/table.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

Oid
role_of(const Callback &callback)
{
	const Oid role = find_kept_role(callback.owner, callback.owner_number);
	if (!OidIsValid(role))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("role \"%s\" of callback \"%s\" does not exist", callback.owner,
		                       callback.name),
		                errhint("Register the callback anew as a role that exists.")));
	return role;
}

/* The role that must own the function. A callback that an older version registered has no number of
 * that role. But if the function belonged to the callback's own role, that is the one, even if its
 * name has changed since. */
Oid
expected_owner(const Callback &callback, Oid role)
{
	if (callback.function_owner_number == nullptr &&
	    strcmp(callback.function_owner, callback.owner) == 0)
		return role;
	return find_kept_role(callback.function_owner, callback.function_owner_number);
}

Oid
function_of(const Callback &callback, Oid role)
{
	static Statement statement = {"SELECT p.oid, p.proowner FROM pg_catalog.pg_proc AS p"
	                              " WHERE p.oid = pg_catalog.to_regprocedure($1)",
	                              1,
	                              {TEXTOID}};
	Values values;
	values.set_text(0, callback.function);
	const Result found = run_statement(statement, values);
	if (found.empty())
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
		                errmsg("function %s does not exist", callback.function),
		                errhint("Make it again, or end the callback by wa_callback_remove().")));
	if (DatumGetObjectId(found.datum_at(0, 2, OIDOID)) != expected_owner(callback, role))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("function %s belongs to another role now", callback.function),
		                errdetail("It was role \"%s\" when the callback was registered.",
		                          callback.function_owner),
		                errhint("Register the callback anew if that is right.")));
	return DatumGetObjectId(found.datum_at(0, 1, OIDOID));
}

void
call_function(const Callback &callback, const CallbackCall &call)
{
	const Oid role = role_of(callback);
	const Oid function = function_of(callback, role);
	if (!may_execute(function, role))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
	if (callback.inbound)
		require_inbound_right(role, level_admin, call.message_id);
	else
		require_message_right(role, level_admin, call.message_id);
	const Datum status = call.status == nullptr ? Datum(0) : CStringGetTextDatum(call.status);
	const WatchOwner before = begin_role(role, callback.settings, callback.setting_count);
	show_database_limits();
	FmgrInfo info;
	fmgr_info(function, &info);
	LOCAL_FCINFO(arguments, 2);
	InitFunctionCallInfoData(*arguments, &info, callback.inbound ? 1 : 2, InvalidOid, nullptr,
	                         nullptr);
	arguments->args[0] = {Int64GetDatum(call.message_id), false};
	arguments->args[1] = {status, false};
	(void)FunctionCallInvoke(arguments);
	end_watch_owner(before);
}

/* The statement that writes a status to a row, and the watch that it is of. */
struct WriteBack {
	MemoryContext memory;
	Oid relation; /* InvalidOid: not prepared */
	Statement statement;
};

WriteBack write_back = {nullptr, InvalidOid, {nullptr, 2, {TEXTARRAYOID, TEXTOID}}};

void
prepare_write_back(const Callback &callback)
{
	if (OidIsValid(write_back.relation))
		return;
	const StatusColumn column = find_status_column(callback.watch);
	if (!OidIsValid(column.relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("watched table of callback \"%s\" does not exist", callback.name),
		                errhint("Call wa_watch() again on a table that exists.")));
	Relation table = table_open(column.relation, AccessShareLock);
	write_back.statement.text =
	    MemoryContextStrdup(write_back.memory, status_column_update(table, column.name));
	/* makes the plan anew */
	write_back.statement.generation--;
	write_back.relation = column.relation;
	table_close(table, NoLock);
}

Datum
fields_of_row(const char *key)
{
	Relation table = table_open(write_back.relation, AccessShareLock);
	const Datum fields = row_key_fields(table, key);
	table_close(table, NoLock);
	return fields;
}

void
write_status(const Callback &callback, const CallbackCall &call, bool &row_is_gone)
{
	const Oid role = role_of(callback);
	const char *key = row_of_message(call.message_id, callback.watch);
	/* the message is forgotten */
	if (key == nullptr)
		return;
	prepare_write_back(callback);
	Values values;
	values.set(0, fields_of_row(key));
	values.set_text(1, call.status);
	const WatchOwner before = begin_role(role, callback.settings, callback.setting_count);
	show_database_limits();
	silence_watch(callback.watch, key);
	const uint64 changed = run_statement(write_back.statement, values).count();
	silence_watch(nullptr, nullptr);
	end_watch_owner(before);
	row_is_gone = changed == 0;
	if (row_is_gone)
		ereport(ERROR,
		        (errcode(ERRCODE_NO_DATA_FOUND), errmsg("table \"%s\" has no row with key %s",
		                                                get_rel_name(write_back.relation), key)));
}

} // namespace

void
work_for_callback(const Callback &callback, const CallbackCall &call, bool &row_is_gone)
{
	acting_role = GetUserNameFromId(role_of(callback), false);
	if (callback.watch != nullptr)
		write_status(callback, call, row_is_gone);
	else
		call_function(callback, call);
	acting_role = nullptr;
}

void
begin_callback_work(MemoryContext memory)
{
	write_back.memory = memory;
	write_back.relation = InvalidOid;
}

void
forget_callback_work()
{
	silence_watch(nullptr, nullptr);
	acting_role = nullptr;
}

} // namespace whatsapp::pg
