/*
 * local_tables.cpp — the trigger that every table of ours has. It does nothing; but Citus does not
 * distribute a table that has a trigger.
 */
#include "pg/server/prelude.hpp"

extern "C" {
#include "fmgr.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_stay_local);
}

Datum
pg_whatsapp_stay_local(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	return PointerGetDatum(nullptr);
}
