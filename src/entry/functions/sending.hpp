/*
 * sending.hpp — what every sending function has in common: the arguments at its end, and the way
 * into the queue.
 */
#pragma once

#include <cstdint>
#include <type_traits>

#include "pg/enqueue/new_message.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"
#include "entry/watch/purchase_order.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace whatsapp::entry
{

/* send_at, idempotency_key and priority, which end the arguments of every sending function. Raise
 * 22008 and 22023. */
void read_schedule(FunctionCallInfo fcinfo, int place, pg::NewMessage &message);
void read_schedule(FunctionCallInfo fcinfo, int place, PurchaseOrder &order);

/* sender and reference, and then the schedule. */
void read_routing(FunctionCallInfo fcinfo, int place, pg::NewMessage &message);

/* Inside guarded() only: the texts of body parameters, as whatsapp.parameter_whitespace wants them.
 */
void adjust_parameters(std::vector<std::string> &texts);
void adjust_parameters(std::vector<NamedParameter> &parameters);

/* body runs with SPI connected and the extension's schema known; it owns nothing that a server
 * error could jump over. */
template <class Body>
auto
in_schema(FunctionCallInfo fcinfo, Body body)
{
	static_assert(std::is_trivially_destructible_v<Body>);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const auto result = body();
	SPI_finish();
	return result;
}

/* Raises when the sender does not exist, or the message may not be sent. Returns the id. */
std::int64_t enqueue_new_message(FunctionCallInfo fcinfo, pg::NewMessage &message);

} // namespace whatsapp::entry
