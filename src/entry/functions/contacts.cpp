/*
 * contacts.cpp — people: under which key they are found, and whether they want messages.
 */
#include <string_view>

#include "core/webhook/inbound.hpp"
#include "core/webhook/keyword.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/person.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_contact_key);
PG_FUNCTION_INFO_V1(pg_whatsapp_opt_out);
PG_FUNCTION_INFO_V1(pg_whatsapp_opt_in);
PG_FUNCTION_INFO_V1(pg_whatsapp_keyword_key);
}

using namespace whatsapp;

namespace
{

bool
marketing_only(const char *scope)
{
	if (strcmp(scope, "marketing") != 0 && strcmp(scope, "all") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("scope must be \"all\" or \"marketing\"")));
	return scope[0] == 'm';
}

/* NULL, which is every sender, or one that exists. */
void
check_sender(const char *sender)
{
	if (sender != nullptr)
		pg::resolve_sender(sender);
}

} // namespace

Datum
pg_whatsapp_contact_key(PG_FUNCTION_ARGS)
{
	const text *phone = PG_GETARG_TEXT_PP(0);
	text *key = nullptr;
	pg::run_body([&] { key = pg::text_out(contact_key(pg::view(phone))); });
	PG_RETURN_TEXT_P(key);
}

Datum
pg_whatsapp_keyword_key(PG_FUNCTION_ARGS)
{
	const text *words = PG_GETARG_TEXT_PP(0);
	text *key = nullptr;
	pg::run_body([&] { key = pg::text_out(keyword_key(pg::view(words))); });
	PG_RETURN_TEXT_P(key);
}

OWNED_FUNCTION(pg_whatsapp_opt_out)
{
	const char *contact = entry::required_contact(fcinfo, 0);
	const char *sender = entry::optional_text(fcinfo, 1, limits::sender, nullptr);
	const bool marketing = marketing_only(entry::optional_text(fcinfo, 2, "all"));
	const char *reason = entry::optional_text(fcinfo, 3, limits::reason, nullptr);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	check_sender(sender);
	pg::require_sender_right(pg::caller_of_function(), pg::may_act, sender);
	const bool changed = pg::opt_out(contact, sender, marketing, reason);
	SPI_finish();
	PG_RETURN_BOOL(changed);
}

OWNED_FUNCTION(pg_whatsapp_opt_in)
{
	const char *contact = entry::required_contact(fcinfo, 0);
	const char *sender = entry::optional_text(fcinfo, 1, limits::sender, nullptr);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	check_sender(sender);
	pg::require_sender_right(pg::caller_of_function(), pg::may_act, sender);
	const bool changed = pg::opt_in(contact, sender);
	SPI_finish();
	PG_RETURN_BOOL(changed);
}
