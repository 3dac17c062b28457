/*
 * request_wait.cpp — the request is looked at every now and then, in a transaction of its own each
 * time, so that no snapshot is held while the clerk works.
 */
#include "pg/requests/request_wait.hpp"

#include <algorithm>

#include "core/base/fault.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "utils/guc.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t first_pause_ms = 10;
constexpr std::int64_t longest_pause_ms = 250;

void
pause_for(std::int64_t ms)
{
	static const uint32 event = wait_event("WhatsappRequest");
	(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(ms),
	                event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

Result
look_at_request(std::int64_t id)
{
	static Statement statement = {
	    "SELECT state, error_message, hint, error_code, ended_at IS NOT NULL FROM @s@.whatsapp_requests WHERE id = $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(id));
	return run_statement(statement, values);
}

[[noreturn]] void
raise_failed(std::int64_t id, const Result &row)
{
	const char *message = row.text_at(0, 2);
	const char *hint = row.text_at(0, 3);
	const char *code = row.text_at(0, 4);
	ereport(ERROR,
	        (errcode(errcode_of(sqlstate::request_failed)),
	         errmsg("the request to the WhatsApp API failed: %s",
	                message == nullptr ? "no reason is known" : message),
	         code == nullptr
	             ? errdetail("It is row %lld of whatsapp_requests.", static_cast<long long>(id))
	             : errdetail("Error code %s; it is row %lld of whatsapp_requests.", code,
	                         static_cast<long long>(id)),
	         hint == nullptr ? 0 : errhint("%s", hint)));
	pg_unreachable();
}

[[noreturn]] void
raise_timeout(std::int64_t id, const Result &row)
{
	const char *message = row.text_at(0, 2);
	ereport(ERROR,
	        (errcode(errcode_of(sqlstate::request_timed_out)),
	         errmsg("the request to the WhatsApp API did not end in time"),
	         errdetail("Row %lld of whatsapp_requests is %s%s%s.", static_cast<long long>(id),
	                   row.text_at(0, 1), message == nullptr ? "" : "; its last error: ",
	                   message == nullptr ? "" : message),
	         errhint("It goes on: look at whatsapp_requests. Nothing is asked while the "
	                 "database is held (see whatsapp_held), or without a server process "
	                 "\"pg_whatsapp clerk\".")));
	pg_unreachable();
}

/* True when the request is done; raises when it has failed. */
bool
has_ended(std::int64_t id, bool is_late)
{
	const Result row = look_at_request(id);
	if (row.empty())
		ereport(ERROR, (errcode(errcode_of(sqlstate::request_failed)),
		                errmsg("the request to the WhatsApp API was deleted")));
	if (!row.bool_at(0, 5)) {
		if (is_late)
			raise_timeout(id, row);
		return false;
	}
	if (strcmp(row.text_at(0, 1), "done") != 0)
		raise_failed(id, row);
	return true;
}

} // namespace

OwnerRights::OwnerRights(Oid function)
{
	GetUserIdAndSecContext(&user_, &context_);
	settings_level_ = NewGUCNestLevel();
	(void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
	                        GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(owner_of_function(function), context_ | SECURITY_LOCAL_USERID_CHANGE);
}

void
OwnerRights::end()
{
	AtEOXact_GUC(true, settings_level_);
	SetUserIdAndSecContext(user_, context_);
}

void
require_own_transactions(FunctionCallInfo fcinfo, const char *procedure, const char *function)
{
	if (fcinfo->context != nullptr && IsA(fcinfo->context, CallContext) &&
	    !reinterpret_cast<CallContext *>(fcinfo->context)->atomic)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
	         errmsg("%s() cannot be called in a transaction block", procedure),
	         errdetail("It commits, so that its request is made, and waits."),
	         errhint("Call %s(), and look at whatsapp_requests after the commit.", function)));
}

void
require_clerk()
{
	if (settings.clerk && settings.enabled)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("requests to the WhatsApp API are switched off"),
	                errdetail("The setting %s is off.",
	                          settings.clerk ? "whatsapp.enabled" : "whatsapp.clerk"),
	                errhint("Turn it on and reload the configuration.")));
}

void
await_request(std::int64_t id, std::int64_t timeout_ms, Oid function)
{
	const std::int64_t end = monotonic_ms() + timeout_ms;
	std::int64_t pause = first_pause_ms;
	SPI_commit();
	for (;;) {
		const std::int64_t left = end - monotonic_ms();
		use_schema_of_function(function);
		OwnerRights rights(function);
		const bool ended = has_ended(id, left <= 0);
		rights.end();
		SPI_commit();
		if (ended)
			return;
		pause_for(std::clamp<std::int64_t>(left, 1, pause));
		pause = std::min(pause * 2, longest_pause_ms);
	}
}

} // namespace whatsapp::pg
