/*
 * rights.cpp — levels of rights, by name.
 */
#include "pg/identity/role_levels.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "executor/spi.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_grant);
PG_FUNCTION_INFO_V1(pg_whatsapp_revoke);
}

using namespace whatsapp;

namespace
{

Datum
change_rights(FunctionCallInfo fcinfo, void (*change)(Oid role, const char *level))
{
	entry::require_argument(fcinfo, 0, "role");
	const Oid role = PG_GETARG_OID(0);
	const char *level = entry::required_cstring(fcinfo, 1, "level");
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	change(role, level);
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
