/*
 * sender_rights.hpp — for which senders a role may do something: what wa_grant() gave it with a
 * sender holds for that sender alone.
 *
 * Each process keeps a copy of the rows of whatsapp_role_grants until they change, so where there
 * are none the question costs nothing.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Levels as a set. */
enum : unsigned {
	level_sender = 1,
	level_monitor = 2,
	level_operator = 4,
	level_admin = 8,
	may_read = level_monitor | level_operator | level_admin,
	may_act = level_operator | level_admin,
	may_send_for = level_sender | level_admin,
	may_touch = level_sender | level_operator | level_admin,
	may_ask = level_sender | level_monitor | level_operator | level_admin
};

/*
 * Whether one of these levels covers the sender; NULL stands for all senders. A role that has none
 * of these levels is bound to the senders of the levels that it has. A role without any level by
 * wa_grant(), and a superuser, may do for every sender what GRANT lets it do. Needs
 * use_schema_of_function() before.
 */
bool has_sender_right(Oid role, unsigned levels, const char *sender);

/* The same, or raises 42501. */
void require_sender_right(Oid role, unsigned levels, const char *sender);

/* The same for the sender of a row. A role that is bound to some senders gets the same error for a
 * row that does not exist as for another sender's: it must not learn which it is. With SPI
 * connected. Raises 42501. */
void require_message_right(Oid role, unsigned levels, std::int64_t message);
void require_campaign_right(Oid role, unsigned levels, std::int64_t campaign);
void require_inbound_right(Oid role, unsigned levels, std::int64_t inbound);

/* The senders that one of the levels covers, as an array of texts; 0 when it covers all. */
Datum covered_senders(Oid role, unsigned levels);

/* Whether the role may see what belongs to this message, campaign, account or number, because it is
 * that of one of its senders. With SPI connected, as the owner. */
bool sees_message(Oid role, std::int64_t message);
bool sees_campaign(Oid role, std::int64_t campaign);
bool sees_account(Oid role, const char *account);
bool sees_number(Oid role, const char *phone_number_id);

/*
 * Runs body with the rights of the function's owner, as SECURITY DEFINER does; but
 * caller_of_function() then tells who called it. After an error the server gives the caller's
 * rights back. caller_of_function() must be asked before any function of a user's is called, which
 * could call another of ours.
 */
Datum as_owner(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo));
Oid caller_of_function();

#define OWNED_FUNCTION(name)                               \
	static Datum name##_as_owner(FunctionCallInfo fcinfo); \
	Datum name(FunctionCallInfo fcinfo)                    \
	{                                                      \
		return pg::as_owner(fcinfo, name##_as_owner);      \
	}                                                      \
	static Datum name##_as_owner(FunctionCallInfo fcinfo)

} // namespace whatsapp::pg
