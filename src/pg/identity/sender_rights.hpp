/*
 * sender_rights.hpp — for which senders a role may do something: what wa_grant() gave it with a
 * sender holds for that sender alone.
 *
 * The rows of whatsapp_role_grants are kept by each process until they change, so where there are
 * none the question costs nothing.
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
 * Whether one of these levels covers the sender; NULL is all of them. A role that has none of the
 * levels is bound to the senders of those that it has; one that has no level by wa_grant() at all,
 * and a superuser, may do for every sender what GRANT lets it do. The schema is known.
 */
bool has_sender_right(Oid role, unsigned levels, const char *sender);

/* The same, or raises 42501. */
void require_sender_right(Oid role, unsigned levels, const char *sender);

/* The sender is that of the row; to a role that is bound to some senders, a row that is not there
 * is as one that is another's. With SPI connected. Raises 42501. */
void require_message_right(Oid role, unsigned levels, std::int64_t message);
void require_campaign_right(Oid role, unsigned levels, std::int64_t campaign);
void require_inbound_right(Oid role, unsigned levels, std::int64_t inbound);

/* Those that one of the levels covers, as an array of texts; 0 when it is all. */
Datum covered_senders(Oid role, unsigned levels);

/* Whether what belongs to one of a role's senders is seen: that of a message, a campaign, an
 * account or a number. With SPI connected, as the owner. */
bool sees_message(Oid role, std::int64_t message);
bool sees_campaign(Oid role, std::int64_t campaign);
bool sees_account(Oid role, const char *account);
bool sees_number(Oid role, const char *phone_number_id);

/*
 * A function that works with its owner's rights, and knows who called it: SECURITY DEFINER tells
 * nobody. An error gives the caller's rights back as the end does. The caller is asked for before
 * anything of a user's is called.
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
