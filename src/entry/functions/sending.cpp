/*
 * sending.cpp — see sending.hpp.
 */
#include "entry/functions/sending.hpp"

#include "core/base/fault.hpp"
#include "core/turn/lineup.hpp"
#include "core/value/recipient.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{
namespace
{

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
read_schedule_of(FunctionCallInfo fcinfo, int index, Message &message)
{
	message.priority = priority_of(optional_text(fcinfo, index + 2, "normal"));
	message.has_send_at = !PG_ARGISNULL(index);
	if (message.has_send_at)
		message.send_at = time_argument(fcinfo, index, "send_at");
	message.idempotency_key = optional_text(fcinfo, index + 1, limits::idempotency_key, nullptr);
	if (message.idempotency_key != nullptr && message.idempotency_key[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("idempotency_key must not be empty"),
		                errhint("Give NULL for a message without a key.")));
}

} // namespace

void
read_schedule(FunctionCallInfo fcinfo, int index, pg::NewMessage &message)
{
	read_schedule_of(fcinfo, index, message);
}

void
read_schedule(FunctionCallInfo fcinfo, int index, PurchaseOrder &order)
{
	read_schedule_of(fcinfo, index, order);
}

void
read_routing(FunctionCallInfo fcinfo, int index, pg::NewMessage &message)
{
	message.sender = optional_text(fcinfo, index, limits::sender, nullptr);
	message.reference = optional_text(fcinfo, index + 1, limits::reference, nullptr);
	read_schedule(fcinfo, index + 2, message);
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

void
check_recipient_of(const pg::NewMessage &message)
{
	if (message.recipient_phone == nullptr)
		throw Fault(sqlstate::null_value_not_allowed, "phone must not be null");
	check_recipient(message.recipient_phone);
}

void
raise_refusal(const Sending &message, pg::Failure &why)
{
	char *named = nullptr;
	pg::Failure ignored;
	if (!message.record && pg::try_body(ignored, [&] {
		    named = pg::cstring_out(name_message(message.recipient_phone, message.reference));
	    })) {
		const std::size_t used = strlen(why.detail);
		if (named[0] != '\0' && used + strlen(named) + 2 <= sizeof why.detail)
			snprintf(why.detail + used, sizeof why.detail - used, "%s%s", used == 0 ? "" : " ",
			         named);
	}
	pg::raise_failure(why);
}

namespace
{

bool
read_on_error(FunctionCallInfo fcinfo, int index)
{
	const char *on_error = optional_text(fcinfo, index, "raise");
	if (strcmp(on_error, "raise") != 0 && strcmp(on_error, "record") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("on_error must be \"raise\" or \"record\"")));
	return on_error[2] == 'c';
}

/* Whether it is the message that is at fault: its data, or what is known of template, file, key and
 * recipient. What is at fault otherwise, such as a right that is missing, is raised whatever
 * on_error says. */
bool
is_refusal(const pg::Failure &why)
{
	switch (why.sqlstate) {
	case ERRCODE_UNDEFINED_OBJECT: /* a template: the sender was looked at before */
	case ERRCODE_NO_DATA_FOUND:    /* a file */
	case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		return true;
	default:
		return ERRCODE_TO_CATEGORY(why.sqlstate) == ERRCODE_DATA_EXCEPTION ||
		       (ERRCODE_TO_CATEGORY(why.sqlstate) == MAKE_SQLSTATE('W', 'A', '0', '0', '0'));
	}
}

} // namespace

Sending
begin_sending(FunctionCallInfo fcinfo, const SendingPlaces &places, const char *type)
{
	Sending message = {};
	message.message_type = type;
	message.record = read_on_error(fcinfo, places.on_error);
	if (!message.record)
		return message;
	/* read first: the FAILED row must have them, whichever argument is refused later */
	message.recipient_phone = optional_text(fcinfo, places.phone, nullptr);
	message.reference = optional_text(fcinfo, places.reference, nullptr);
	message.sender = optional_text(fcinfo, places.sender, limits::sender, nullptr);
	message.sender = in_schema(fcinfo, [&message] { return sender_of_caller(message.sender); });
	return message;
}

const char *
sender_of_caller(const char *sender)
{
	const char *name = pg::resolve_sender(sender);
	pg::require_sender_right(pg::caller_of_function(), pg::may_send_for, name);
	return name;
}

namespace
{

/* With SPI connected. */
void
require_sendable(Sending &message)
{
	message.sender = sender_of_caller(message.sender);
	pg::Failure why;
	if (!pg::may_send(message, why))
		raise_refusal(message, why);
}

/* False, and why, when the message is refused. In a subtransaction that writes next to nothing:
 * what is queued is queued outside. */
bool
prepare_apart(FunctionCallInfo fcinfo, Sending &message, void (*prepare)(void *), void *argument,
              pg::Failure &why)
{
	pg::Problem problem;
	if (pg::try_body_apart(problem, 0, [&] {
		    prepare(argument);
		    (void)in_schema(fcinfo, [&message] {
			    require_sendable(message);
			    pg::require_enqueueable(message);
			    return true;
		    });
	    }))
		return true;
	why.sqlstate = pg::errcode_of(problem.sqlstate);
	if (!is_refusal(why))
		pg::raise_problem(problem);
	strlcpy(why.message, problem.message, sizeof why.message);
	strlcpy(why.detail, problem.detail, sizeof why.detail);
	strlcpy(why.hint, problem.hint, sizeof why.hint);
	return false;
}

} // namespace

void
require_message(FunctionCallInfo fcinfo, Sending &message)
{
	(void)in_schema(fcinfo, [&message] {
		require_sendable(message);
		return true;
	});
}

std::int64_t
send_prepared(FunctionCallInfo fcinfo, Sending &message, void (*prepare)(void *), void *argument)
{
	if (!message.record) {
		prepare(argument);
		return in_schema(fcinfo, [&message] {
			require_sendable(message);
			return pg::enqueue_message(message);
		});
	}
	const char *sender = message.sender;
	pg::Failure why;
	if (prepare_apart(fcinfo, message, prepare, argument, why))
		return in_schema(fcinfo, [&message] { return pg::enqueue_message(message); });
	message.refused = true;
	message.sender = sender;
	if (message.message_type == nullptr)
		message.message_type = "unknown";
	return in_schema(fcinfo, [&message, &why] { return pg::record_refused(message, why); });
}

} // namespace whatsapp::entry
