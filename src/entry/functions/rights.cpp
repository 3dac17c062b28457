/*
 * rights.cpp — levels of rights, by name.
 */
#include "pg/identity/kept_role.hpp"
#include "pg/identity/role_levels.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_grant);
PG_FUNCTION_INFO_V1(pg_whatsapp_revoke);
PG_FUNCTION_INFO_V1(pg_whatsapp_kept_role);
PG_FUNCTION_INFO_V1(pg_whatsapp_sees);
PG_FUNCTION_INFO_V1(pg_whatsapp_sees_message);
PG_FUNCTION_INFO_V1(pg_whatsapp_sees_campaign);
PG_FUNCTION_INFO_V1(pg_whatsapp_sees_account);
PG_FUNCTION_INFO_V1(pg_whatsapp_sees_number);
PG_FUNCTION_INFO_V1(pg_whatsapp_hold_rows);
}

using namespace whatsapp;

namespace
{

Datum
change_rights(FunctionCallInfo fcinfo,
              void (*change)(Oid role, const char *level, const char *sender))
{
	entry::require_argument(fcinfo, 0, "role");
	const Oid role = PG_GETARG_OID(0);
	const char *level = entry::required_cstring(fcinfo, 1, "level");
	const char *sender = entry::optional_text(fcinfo, 2, limits::sender, nullptr);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	change(role, level, sender);
	SPI_finish();
	PG_RETURN_VOID();
}

} // namespace

Datum
pg_whatsapp_grant(PG_FUNCTION_ARGS)
{
	return change_rights(fcinfo, pg::grant_level);
}

Datum
pg_whatsapp_revoke(PG_FUNCTION_ARGS)
{
	return change_rights(fcinfo, pg::revoke_level);
}

Datum
pg_whatsapp_kept_role(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	const char *number = PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const Oid role = pg::find_kept_role(text_to_cstring(PG_GETARG_TEXT_PP(0)), number);
	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_OID(role);
}

/* Called by policies and views, as the role that reads. */
Datum
pg_whatsapp_sees(PG_FUNCTION_ARGS)
{
	const char *sender = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	PG_RETURN_BOOL(pg::has_sender_right(GetUserId(), pg::may_read, sender));
}

namespace
{

/* A role that may read all senders sees everything. Only for one that is bound to some senders is a
 * table asked, with the owner's rights. */
template <class Ask>
bool
sees_all_or(FunctionCallInfo fcinfo, Ask ask)
{
	const Oid role = pg::caller_of_function();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	return pg::has_sender_right(role, pg::may_read, nullptr) ||
	       entry::in_schema(fcinfo, [&] { return ask(role); });
}

const char *
text_or_null(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_sees_message)
{
	PG_RETURN_BOOL(sees_all_or(fcinfo, [fcinfo](Oid role) {
		return !PG_ARGISNULL(0) && pg::sees_message(role, PG_GETARG_INT64(0));
	}));
}

OWNED_FUNCTION(pg_whatsapp_sees_campaign)
{
	PG_RETURN_BOOL(sees_all_or(fcinfo, [fcinfo](Oid role) {
		return !PG_ARGISNULL(0) && pg::sees_campaign(role, PG_GETARG_INT64(0));
	}));
}

/* NULL is the default account. */
OWNED_FUNCTION(pg_whatsapp_sees_account)
{
	PG_RETURN_BOOL(sees_all_or(
	    fcinfo, [fcinfo](Oid role) { return pg::sees_account(role, text_or_null(fcinfo)); }));
}

OWNED_FUNCTION(pg_whatsapp_sees_number)
{
	PG_RETURN_BOOL(sees_all_or(fcinfo, [fcinfo](Oid role) {
		return !PG_ARGISNULL(0) && pg::sees_number(role, text_or_null(fcinfo));
	}));
}

/* The trigger of whatsapp_role_grants, which fires after each change, also by a restore. It makes
 * every process read the grants anew, and switches row security on while a grant names a sender. */
Datum
pg_whatsapp_hold_rows(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("whatsapp_hold_rows() must be called as a trigger")));
	const auto *call = reinterpret_cast<const TriggerData *>(fcinfo->context);
	CacheInvalidateRelcache(call->tg_relation);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::switch_row_security();
	SPI_finish();
	return PointerGetDatum(nullptr);
}
