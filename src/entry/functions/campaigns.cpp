/*
 * campaigns.cpp — what may be done to a campaign that exists: pause, resume, cancel, retry.
 */
#include "pg/identity/sender_rights.hpp"
#include "pg/campaigns/campaigns.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_pause);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_resume);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_cancel);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_retry);
PG_FUNCTION_INFO_V1(pg_whatsapp_campaign_retry_shown);
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

struct Codes {
	Datum list; /* a bigint[] */
	bool any;
};

/* NULL and an empty array stand for all codes. */
Codes
read_codes(FunctionCallInfo fcinfo, int argument)
{
	ArrayType *codes =
	    PG_ARGISNULL(argument) ? construct_empty_array(INT8OID) : PG_GETARG_ARRAYTYPE_P(argument);
	return {PointerGetDatum(codes), ArrayGetNItems(ARR_NDIM(codes), ARR_DIMS(codes)) == 0};
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_campaign_pause)
{
	const std::int64_t id = required_campaign(fcinfo);
	const char *reason = entry::optional_text(fcinfo, 1, nullptr);
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id, reason] {
		pg::require_campaign_right(pg::caller_of_function(), pg::may_act, id);
		return pg::pause_campaign(id, reason);
	}));
}

OWNED_FUNCTION(pg_whatsapp_campaign_resume)
{
	const std::int64_t id = required_campaign(fcinfo);
	PG_RETURN_BOOL(entry::in_schema(fcinfo, [id] {
		pg::require_campaign_right(pg::caller_of_function(), pg::may_act, id);
		return pg::resume_campaign(id);
	}));
}

OWNED_FUNCTION(pg_whatsapp_campaign_cancel)
{
	const std::int64_t id = required_campaign(fcinfo);
	PG_RETURN_INT64(entry::in_schema(fcinfo, [id] {
		pg::require_campaign_right(pg::caller_of_function(), pg::may_act, id);
		return pg::cancel_campaign(id);
	}));
}

OWNED_FUNCTION(pg_whatsapp_campaign_retry)
{
	const std::int64_t id = required_campaign(fcinfo);
	const Codes codes = read_codes(fcinfo, 1);
	PG_RETURN_INT64(entry::in_schema(fcinfo, [id, codes] {
		pg::require_campaign_right(pg::caller_of_function(), pg::may_act, id);
		return pg::retry_campaign(id, codes.list, codes.any);
	}));
}

OWNED_FUNCTION(pg_whatsapp_campaign_retry_shown)
{
	const std::int64_t id = required_campaign(fcinfo);
	entry::require_argument(fcinfo, 1, "dry_run");
	const bool dry_run = PG_GETARG_BOOL(1);
	const Codes codes = read_codes(fcinfo, 2);
	InitMaterializedSRF(fcinfo, 0);
	ReturnSetInfo *set = entry::result_set(fcinfo);
	return entry::in_schema(fcinfo, [id, codes, dry_run, set] {
		pg::require_campaign_right(pg::caller_of_function(), pg::may_act, id);
		const pg::Result shown = pg::show_retry(id, codes.list, codes.any);
		tuplestore_puttuple(set->setResult, shown.row_at(0));
		if (!dry_run)
			(void)pg::retry_campaign(id, codes.list, codes.any);
		return Datum(0);
	});
}
