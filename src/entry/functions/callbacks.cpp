/*
 * callbacks.cpp — wa_on_status() and its kin, and wa_changes().
 *
 * The caller's own rights decide whether a callback may be registered. Its row is written with
 * those of the extension's owner.
 */
#include "pg/callbacks/callback.hpp"
#include "pg/changes/change_log.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/identity/kept_role.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/watches/watch_query.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_on_status);
PG_FUNCTION_INFO_V1(pg_whatsapp_on_inbound);
PG_FUNCTION_INFO_V1(pg_whatsapp_callback_remove);
PG_FUNCTION_INFO_V1(pg_whatsapp_callback_pause);
PG_FUNCTION_INFO_V1(pg_whatsapp_callback_resume);
PG_FUNCTION_INFO_V1(pg_whatsapp_changes);
}

using namespace whatsapp;

namespace
{

constexpr std::size_t longest_name = 63;
constexpr std::size_t longest_sender = 63;

[[noreturn]] void
raise_unfit(Oid function, bool inbound)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
	                errmsg("function %s cannot be called back", format_procedure(function)),
	                inbound ? errdetail("A function with one argument of type bigint is needed: "
	                                    "the id of the row of whatsapp_inbound.")
	                        : errdetail("A function with arguments of types bigint and text is "
	                                    "needed: the id of the message, and its status.")));
	pg_unreachable();
}

/* The function is called by its OID, as triggers call theirs: its arguments must have exactly these
 * types, and it must return one value or nothing. */
void
check_signature(const FormData_pg_proc &function, bool inbound)
{
	const int count = inbound ? 1 : 2;
	const Oid *types = function.proargtypes.values;
	const bool fits = function.prokind == PROKIND_FUNCTION && !function.proretset &&
	                  function.pronargs == count && types[0] == INT8OID &&
	                  (inbound || types[1] == TEXTOID);
	const bool returns =
	    function.prorettype == VOIDOID || get_typtype(function.prorettype) != TYPTYPE_PSEUDO;
	if (!fits || !returns)
		raise_unfit(function.oid, inbound);
	if (isAnyTempNamespace(function.pronamespace))
		ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
		                errmsg("function %s is temporary", format_procedure(function.oid)),
		                errdetail("It is gone when this session ends.")));
}

/* Fills in the function's signature and name, and its owner. search_path must be ours already, so
 * that format_procedure() writes the schema, too. */
void
describe_function(Oid function, bool inbound, pg::NewCallback &callback)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
		                errmsg("function with OID %u does not exist", function)));
	const auto &form = *reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
	check_signature(form, inbound);
	callback.stem = pstrdup(NameStr(form.proname));
	callback.function = format_procedure(function);
	callback.function_owner = GetUserNameFromId(form.proowner, false);
	callback.function_owner_number = pg::number_of_kept_role(form.proowner);
	ReleaseSysCache(tuple);
	if (!pg::may_execute(function, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, callback.stem);
}

void
check_statuses(FunctionCallInfo fcinfo, int index)
{
	const entry::TextArray statuses = entry::required_texts(fcinfo, index);
	for (int i = 0; i < statuses.count; i++) {
		const char *status = text_to_cstring(statuses.values[i]);
		bool known = false;
		for (const char *word : {"PENDING", "SENT", "DELIVERED", "READ", "FAILED", "CANCELLED"})
			known = known || strcmp(word, status) == 0;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("status \"%s\" does not exist", status),
			                errhint("The statuses are PENDING, SENT, DELIVERED, READ, FAILED and "
			                        "CANCELLED.")));
	}
	if (statuses.count == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("statuses must not be empty"),
		         errhint("NULL stands for all of them.")));
}

Datum
register_callback(FunctionCallInfo fcinfo, pg::NewCallback &callback, int at_sender, int at_name)
{
	entry::require_argument(fcinfo, 0, "function");
	const Oid function = PG_GETARG_OID(0);
	callback.sender =
	    entry::optional_text(fcinfo, at_sender, TextLimit{"sender", longest_sender}, nullptr);
	callback.name = entry::optional_text(fcinfo, at_name, TextLimit{"name", longest_name}, nullptr);
	callback.owner = GetUserNameFromId(GetUserId(), false);
	callback.owner_number = pg::number_of_kept_role(GetUserId());
	callback.settings = pg::watch_settings(callback.setting_count);
	const int nest_level = NewGUCNestLevel();
	(void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
	                        GUC_ACTION_SAVE, true, 0, false);
	describe_function(function, callback.inbound, callback);

	MemoryContext caller = CurrentMemoryContext;
	const char *name = nullptr;
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_sender_right(GetUserId(), pg::level_admin, callback.sender);
	pg::as_user(pg::owner_of_function(fcinfo->flinfo->fn_oid), [&] {
		if (callback.sender != nullptr)
			(void)pg::resolve_sender(callback.sender);
		name = MemoryContextStrdup(caller, pg::insert_callback(callback));
	});
	SPI_finish();
	AtEOXact_GUC(true, nest_level);
	return CStringGetTextDatum(name);
}

Datum
change_callback(FunctionCallInfo fcinfo, unsigned levels, bool (*change)(const char *))
{
	const char *name = entry::required_cstring(fcinfo, 0, "name");
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_callback_right(pg::caller_of_function(), levels, name);
	const bool found = change(name);
	SPI_finish();
	PG_RETURN_BOOL(found);
}

} // namespace

Datum
pg_whatsapp_on_status(PG_FUNCTION_ARGS)
{
	pg::NewCallback callback = {};
	callback.has_statuses = !PG_ARGISNULL(1);
	if (callback.has_statuses) {
		check_statuses(fcinfo, 1);
		callback.statuses = PG_GETARG_DATUM(1);
	}
	return register_callback(fcinfo, callback, 2, 3);
}

Datum
pg_whatsapp_on_inbound(PG_FUNCTION_ARGS)
{
	pg::NewCallback callback = {};
	callback.inbound = true;
	return register_callback(fcinfo, callback, 1, 2);
}

OWNED_FUNCTION(pg_whatsapp_callback_remove)
{
	return change_callback(fcinfo, pg::level_admin, pg::remove_callback);
}

OWNED_FUNCTION(pg_whatsapp_callback_pause)
{
	return change_callback(fcinfo, pg::may_act, pg::pause_callback);
}

OWNED_FUNCTION(pg_whatsapp_callback_resume)
{
	return change_callback(fcinfo, pg::may_act, pg::resume_callback);
}

namespace
{

void
put_changes(const pg::Result &changes, ReturnSetInfo *result)
{
	for (uint64 i = 0; i < changes.count(); i++) {
		/* there is no change: the one row has the bounds only */
		if (changes.is_null(i, 1))
			break;
		entry::ResultRow<7> row;
		row.set_value(0, Int64GetDatum(changes.int64_at(i, 1)));
		row.set_value(1, Int64GetDatum(changes.int64_at(i, 2)));
		row.set_text(2, changes.text_at(i, 3));
		row.set_value(3, TimestampTzGetDatum(changes.int64_at(i, 4)));
		row.set_text(4, changes.text_at(i, 5));
		row.set_text(5, changes.text_at(i, 6));
		if (!changes.is_null(i, 7))
			row.set_value(6, Int64GetDatum(changes.int64_at(i, 7)));
		row.put_row(result);
	}
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_changes)
{
	const bool has_since = !PG_ARGISNULL(0);
	const int64 since = has_since ? PG_GETARG_INT64(0) : 0;
	entry::require_argument(fcinfo, 1, "max_rows");
	const int32 most = PG_GETARG_INT32(1);
	if (most <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("max_rows must be greater than zero")));
	if (pg::settings.keep_changes == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("changes are not kept"),
		         errhint("Set whatsapp.keep_changes, for instance to '1 day'.")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	put_changes(pg::read_changes(pg::covered_senders(pg::caller_of_function(), pg::may_read),
	                             has_since, since, most),
	            entry::result_set(fcinfo));
	SPI_finish();
	return Datum(0);
}
