/*
 * campaigns.cpp — a campaign that is there: pause, resume, cancel, retry.
 */
#include "pg/campaigns/campaigns.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_pause);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_resume);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_cancel);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_retry);
}

using namespace whatsapp;

namespace
{

std::int64_t
required_campaign(FunctionCallInfo fcinfo)
{
	entry::require_argument(fcinfo, 0, "campaign");
	return PG_GETARG_INT64(0);
}

} // namespace

Datum
pg_whatsapp_campaign_pause(PG_FUNCTION_ARGS)
{
	const std::int64_t id = required_campaign(fcinfo);
	const char *reason = entry::optional_text(fcinfo, 1, nullptr);
	PG_RETURN_BOOL(
	    entry::in_schema(fcinfo, [id, reason] { return pg::pause_campaign(id, reason); }));
}

Datum
pg_whatsapp_campaign_resume(PG_FUNCTION_ARGS)
{
	const std::int64_t id = required_campaign(fcinfo);
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id] { return pg::resume_campaign(id); }));
}

Datum
pg_whatsapp_campaign_cancel(PG_FUNCTION_ARGS)
{
	const std::int64_t id = required_campaign(fcinfo);
	PG_RETURN_INT64(entry::in_schema(fcinfo, [id] { return pg::cancel_campaign(id); }));
}

Datum
pg_whatsapp_campaign_retry(PG_FUNCTION_ARGS)
{
	const std::int64_t id = required_campaign(fcinfo);
	ArrayType *codes = PG_ARGISNULL(1) ? construct_empty_array(INT8OID) : PG_GETARG_ARRAYTYPE_P(1);
	const bool any = ArrayGetNItems(ARR_NDIM(codes), ARR_DIMS(codes)) == 0;
	const Datum list = PointerGetDatum(codes);
	PG_RETURN_INT64(
	    entry::in_schema(fcinfo, [id, list, any] { return pg::retry_campaign(id, list, any); }));
}
