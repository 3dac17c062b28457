/*
 * worker_steps.cpp — the steps of the workers as SQL functions, for test/isolation.
 *
 * A spec that copied our statements would still test the copies when ours have changed. So the
 * library of `make fault-points` lets a session take the very steps that a worker takes. Empty in
 * what is installed; no install script names these functions.
 */
#ifdef FAULT_POINTS

#include <algorithm>
#include <cstring>

#include "pg/identity/instance.hpp"
#include "pg/queue/queue.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/schema.hpp"
#include "pg/watches/watch_collector.hpp"
#include "pg/webhooks/status_join.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_step_claim);
PG_FUNCTION_INFO_V1(pg_whatsapp_step_settle);
PG_FUNCTION_INFO_V1(pg_whatsapp_step_status);
PG_FUNCTION_INFO_V1(pg_whatsapp_step_collect);
}

using namespace whatsapp;

namespace
{

/* the epoch of the sender that these sessions play */
constexpr std::int64_t step_epoch = 1;

pg::Settle
outcome_of(const char *word)
{
	if (strcmp(word, "sent") == 0)
		return pg::Settle::sent;
	if (strcmp(word, "retry") == 0)
		return pg::Settle::retry;
	if (strcmp(word, "failed") == 0)
		return pg::Settle::failed;
	if (strcmp(word, "unknown") == 0)
		return pg::Settle::unknown;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("a message cannot become \"%s\" by an answer", word)));
}

} // namespace

/* (careful boolean) returns bigint[]: what the sender "default" would take from the queue now,
 * marked. */
Datum
pg_whatsapp_step_claim(PG_FUNCTION_ARGS)
{
	constexpr int most = 100;
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const pg::ReadFrom from = {"default", 1, DT_NOBEGIN, 0, most};
	const pg::ReadyRows ready = pg::read_ready(&from, 1);
	pg::ReadyMessage candidates[most];
	for (std::size_t i = 0; i < ready.count; i++)
		candidates[i] = {ready.rows[i].id, ready.rows[i].row};
	std::sort(candidates, candidates + ready.count,
	          [](const pg::ReadyMessage &left, const pg::ReadyMessage &right) {
		          return left.id < right.id;
	          });
	pg::Instance instance = {};
	instance.epoch = step_epoch;
	const pg::Claims claims = pg::mark_messages(instance, candidates, ready.count, MaxAllocSize,
	                                            PG_GETARG_BOOL(0), CurrentMemoryContext);
	pg::Column ids(claims.count);
	for (std::size_t i = 0; i < claims.count; i++)
		ids.add(Int64GetDatum(claims.rows[i].id));
	const Datum marked = SPI_datumTransfer(ids.array(INT8OID), false, -1);
	SPI_finish();
	PG_RETURN_DATUM(marked);
}

/* (id bigint, outcome text): the platform's answer to that message, written down. */
Datum
pg_whatsapp_step_settle(PG_FUNCTION_ARGS)
{
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::Settled answer = {};
	answer.id = PG_GETARG_INT64(0);
	answer.how = outcome_of(entry::required_cstring(fcinfo, 1, "outcome"));
	answer.attempt = 1;
	answer.sender = "default";
	answer.outcome = "step";
	answer.wamid = psprintf("wamid.%lld", static_cast<long long>(answer.id));
	answer.wa_id = answer.user_id = "";
	answer.message = "a step of a test";
	answer.hint = "There is nothing to do.";
	pg::settle_messages(&answer, 1);
	SPI_finish();
	PG_RETURN_VOID();
}

/* (id bigint, status text): a status of that message's first attempt, as the listener applies it.
 */
Datum
pg_whatsapp_step_status(PG_FUNCTION_ARGS)
{
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::MessageStatus status = {PG_GETARG_INT64(0), StatusReport()};
	status.report.wamid = psprintf("wamid.%lld", static_cast<long long>(status.message_id));
	status.report.status = entry::required_cstring(fcinfo, 1, "status");
	status.report.timestamp = 1895336240;
	pg::apply_statuses(&status, 1);
	SPI_finish();
	PG_RETURN_VOID();
}

/* () returns void: what waits in whatsapp_watch_items and is due becomes messages, as the reader
 * makes them. */
Datum
pg_whatsapp_step_collect(PG_FUNCTION_ARGS)
{
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	while (pg::collect_next_group())
		;
	SPI_finish();
	PG_RETURN_VOID();
}

#endif
