/*
 * requests.cpp — what is asked of Meta's API: functions that return a request's id at once, and
 * procedures that wait for its end.
 */
#include "pg/identity/sender_rights.hpp"
#include "pg/requests/cost_rows.hpp"
#include "pg/requests/request_wait.hpp"
#include "pg/requests/read_mark.hpp"
#include "pg/requests/requests.hpp"
#include "pg/identity/account_ids.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "executor/spi.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_request_template_sync);
PG_FUNCTION_INFO_V1(pg_whatsapp_sync_templates);
PG_FUNCTION_INFO_V1(pg_whatsapp_request_number_sync);
PG_FUNCTION_INFO_V1(pg_whatsapp_sync_numbers);
PG_FUNCTION_INFO_V1(pg_whatsapp_request_cost_sync);
PG_FUNCTION_INFO_V1(pg_whatsapp_sync_costs);
PG_FUNCTION_INFO_V1(pg_whatsapp_request_probe);
PG_FUNCTION_INFO_V1(pg_whatsapp_probe);
PG_FUNCTION_INFO_V1(pg_whatsapp_mark_read);
}

using namespace whatsapp;

namespace
{

/* account NULL: the default one. Returns a request of this kind that waits already, if there is
 * one, and else makes one. */
std::int64_t
request_sync(const char *kind, const char *account)
{
	pg::require_account(account);
	const std::int64_t waiting = pg::find_waiting_request(kind, account, true);
	return waiting != 0 ? waiting : pg::add_request({kind, account, nullptr, nullptr});
}

Datum
ask_for_sync(FunctionCallInfo fcinfo, const char *kind)
{
	const char *account = entry::optional_text(fcinfo, 0, nullptr);
	PG_RETURN_INT64(
	    entry::in_schema(fcinfo, [kind, account] { return request_sync(kind, account); }));
}

/* ask makes the request and returns its id. It is called with the rights of the extension's
 * owner. */
template <class Ask>
Datum
wait_for(FunctionCallInfo fcinfo, int timeout, const char *procedure, const char *function, Ask ask)
{
	pg::require_own_transactions(fcinfo, procedure, function);
	entry::require_argument(fcinfo, timeout, "timeout");
	pg::require_clerk();
	const std::int64_t timeout_ms = entry::interval_argument_ms(fcinfo, timeout);
	const Oid own = fcinfo->flinfo->fn_oid;
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	pg::use_schema_of_function(own);
	pg::OwnerRights rights(own);
	const std::int64_t id = ask();
	rights.end();
	pg::await_request(id, timeout_ms, own);
	SPI_finish();
	PG_RETURN_VOID();
}

/* (account, timeout) */
Datum
wait_for_sync(FunctionCallInfo fcinfo, const char *kind, const char *procedure,
              const char *function)
{
	const char *account = entry::optional_text(fcinfo, 0, nullptr);
	return wait_for(fcinfo, 1, procedure, function,
	                [kind, account] { return request_sync(kind, account); });
}

/* (account, first_day, last_day, …) */
struct CostDays {
	const char *account;
	NullableDatum first;
	NullableDatum last;
};

CostDays
read_cost_days(FunctionCallInfo fcinfo)
{
	return {entry::optional_text(fcinfo, 0, nullptr), fcinfo->args[1], fcinfo->args[2]};
}

} // namespace

Datum
pg_whatsapp_request_cost_sync(PG_FUNCTION_ARGS)
{
	const CostDays days = read_cost_days(fcinfo);
	PG_RETURN_INT64(entry::in_schema(
	    fcinfo, [days] { return pg::request_costs(days.account, days.first, days.last); }));
}

Datum
pg_whatsapp_sync_costs(PG_FUNCTION_ARGS)
{
	const CostDays days = read_cost_days(fcinfo);
	return wait_for(fcinfo, 3, "wa_sync_costs", "wa_request_cost_sync",
	                [days] { return pg::request_costs(days.account, days.first, days.last); });
}

Datum
pg_whatsapp_request_template_sync(PG_FUNCTION_ARGS)
{
	return ask_for_sync(fcinfo, "sync_templates");
}

Datum
pg_whatsapp_sync_templates(PG_FUNCTION_ARGS)
{
	return wait_for_sync(fcinfo, "sync_templates", "wa_sync_templates", "wa_request_template_sync");
}

Datum
pg_whatsapp_request_number_sync(PG_FUNCTION_ARGS)
{
	return ask_for_sync(fcinfo, "sync_numbers");
}

Datum
pg_whatsapp_sync_numbers(PG_FUNCTION_ARGS)
{
	return wait_for_sync(fcinfo, "sync_numbers", "wa_sync_numbers", "wa_request_number_sync");
}

Datum
pg_whatsapp_request_probe(PG_FUNCTION_ARGS)
{
	return ask_for_sync(fcinfo, "probe");
}

Datum
pg_whatsapp_probe(PG_FUNCTION_ARGS)
{
	return wait_for_sync(fcinfo, "probe", "wa_probe", "wa_request_probe");
}

OWNED_FUNCTION(pg_whatsapp_mark_read)
{
	entry::require_argument(fcinfo, 0, "inbound_id");
	const std::int64_t inbound_id = PG_GETARG_INT64(0);
	const bool typing = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	PG_RETURN_INT64(entry::in_schema(fcinfo, [inbound_id, typing] {
		pg::require_inbound_right(pg::caller_of_function(), pg::may_touch, inbound_id);
		return pg::request_read_mark(inbound_id, typing);
	}));
}
