/*
 * sending.hpp — what every sending function has in common: the arguments at its end, the way into
 * the queue, and what becomes of a message that is refused.
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

/* One call of a sending function. */
struct Sending : pg::NewMessage {
	/* on_error => 'record': a refusal becomes a FAILED row, and is no error */
	bool record;
	/* the message was refused, and the id is that of its FAILED row */
	bool refused;
};

/* The places of the arguments that a FAILED row is made of. */
struct SendingPlaces {
	int phone;
	int sender;
	int reference;
	int on_error;
};

/* Raises 22023 when on_error is neither 'raise' nor 'record'. With 'record', 42704 when the sender
 * does not exist: a FAILED row needs one. */
Sending begin_sending(FunctionCallInfo fcinfo, const SendingPlaces &places, const char *type);

/* The sender, or the default one: raises 42704 unless it exists, 42501 unless the caller may send
 * for it. With SPI connected. */
const char *sender_of_caller(const char *sender);

/* send_at, idempotency_key and priority, which end the arguments of every sending function. Raise
 * 22008 and 22023. */
void read_schedule(FunctionCallInfo fcinfo, int index, pg::NewMessage &message);
void read_schedule(FunctionCallInfo fcinfo, int index, PurchaseOrder &order);

/* sender and reference, and then the schedule. */
void read_routing(FunctionCallInfo fcinfo, int index, pg::NewMessage &message);

/* Inside run_body() only: the texts of body parameters, as whatsapp.parameter_whitespace wants
 * them.
 */
void adjust_parameters(std::vector<std::string> &texts);
void adjust_parameters(std::vector<NamedParameter> &parameters);

/* Raises why, with recipient and reference added to its DETAIL: a statement may send 5,000
 * messages, and the error must tell which one it was. With on_error => 'record' nothing is added:
 * the FAILED row has a column for each. */
[[noreturn]] void raise_refusal(const Sending &message, pg::Failure &why);

/* Checks the recipient, and takes the payload from make(), a text in the server's memory. The
 * payload is made also when the recipient is wrong: wa_retry() may send it to the right number. */
void check_recipient_of(const pg::NewMessage &message);
template <class Make>
void
compose_sending(Sending &message, Make make)
{
	pg::Failure why;
	pg::Failure other;
	const bool good = pg::try_body(why, [&message] { check_recipient_of(message); });
	const bool made = pg::try_body(good ? why : other, [&] { message.payload = make(); });
	if (!good || !made)
		raise_refusal(message, why);
}

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

/* Raises when the sender does not exist, or the message may not be sent. For a message that is not
 * enqueued itself, such as a fallback; send_prepared() asks this of the others. */
void require_message(FunctionCallInfo fcinfo, Sending &message);

/* Returns the id. prepare fills in what is missing and raises what the message is refused for. */
std::int64_t send_prepared(FunctionCallInfo fcinfo, Sending &message, void (*prepare)(void *),
                           void *argument);
template <class Prepare>
std::int64_t
send_message(FunctionCallInfo fcinfo, Sending &message, Prepare prepare)
{
	static_assert(std::is_trivially_destructible_v<Prepare>);
	return send_prepared(
	    fcinfo, message, [](void *self) { (*static_cast<Prepare *>(self))(); }, &prepare);
}

} // namespace whatsapp::entry
