/*
 * sending.cpp — the arguments at the end of every sending function.
 */
#include "entry/functions/sending.hpp"

#include "core/turn/lineup.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/settings.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{
namespace
{

/* of send_at: the year 10000, so that what is computed from it can be written, shown and dumped */
constexpr TimestampTz end_of_time =
    INT64CONST(252455616000) * USECS_PER_SEC; /* since 2000-01-01, UTC */

int
priority_of(const char *name)
{
	static const char *const names[priorities] = {"urgent", "normal", "bulk"};
	for (int i = 0; i < priorities; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("priority \"%s\" does not exist", name),
	                errhint("The priorities are urgent, normal and bulk.")));
}

template <class Message>
void
read_schedule_of(FunctionCallInfo fcinfo, int place, Message &message)
{
	message.priority = priority_of(optional_text(fcinfo, place + 2, "normal"));
	message.has_send_at = !PG_ARGISNULL(place);
	if (message.has_send_at) {
		message.send_at = PG_GETARG_TIMESTAMPTZ(place);
		if (TIMESTAMP_NOT_FINITE(message.send_at) || message.send_at >= end_of_time)
			ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			                errmsg("send_at is out of range"),
			                errdetail("It must be finite, and before the year 10000.")));
	}
	message.idempotency_key = optional_text(fcinfo, place + 1, limits::idempotency_key, nullptr);
	if (message.idempotency_key != nullptr && message.idempotency_key[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("idempotency_key must not be empty"),
		                errhint("Give NULL for a message without a key.")));
}

} // namespace

void
read_schedule(FunctionCallInfo fcinfo, int place, pg::NewMessage &message)
{
	read_schedule_of(fcinfo, place, message);
}

void
read_schedule(FunctionCallInfo fcinfo, int place, PurchaseOrder &order)
{
	read_schedule_of(fcinfo, place, order);
}

void
read_routing(FunctionCallInfo fcinfo, int place, pg::NewMessage &message)
{
	message.sender = optional_text(fcinfo, place, limits::sender, nullptr);
	message.reference = optional_text(fcinfo, place + 1, limits::reference, nullptr);
	read_schedule(fcinfo, place + 2, message);
}

void
adjust_parameters(std::vector<std::string> &texts)
{
	if (pg::settings.parameter_whitespace == pg::whitespace_collapse)
		for (std::string &text : texts)
			text = collapse_white_space(text);
}

void
adjust_parameters(std::vector<NamedParameter> &parameters)
{
	if (pg::settings.parameter_whitespace == pg::whitespace_collapse)
		for (NamedParameter &parameter : parameters)
			parameter.text = collapse_white_space(parameter.text);
}

std::int64_t
enqueue_new_message(FunctionCallInfo fcinfo, pg::NewMessage &message)
{
	return in_schema(fcinfo, [&message] {
		message.sender = pg::resolve_sender(message.sender);
		pg::Failure why;
		if (!pg::may_send(message, why))
			pg::raise_failure(why);
		return pg::enqueue_message(message);
	});
}

} // namespace whatsapp::entry
