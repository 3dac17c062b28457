/*
 * person.cpp — by its form: no phone number has a point.
 */
#include "entry/call/person.hpp"

#include "core/value/e164.hpp"
#include "core/webhook/inbound.hpp"
#include "pg/server/boundary.hpp"

#include "entry/call/arguments.hpp"

namespace whatsapp::entry
{

const char *
required_contact(FunctionCallInfo fcinfo, int place)
{
	const char *phone = required_cstring(fcinfo, place, limits::phone);
	const bool user_id = strlen(phone) > 3 && phone[0] != '+' && phone[2] == '.';
	const char *contact = nullptr;
	pg::guarded([&] {
		if (!user_id)
			check_phone(phone);
		contact = pg::cstring_out(contact_key(phone));
	});
	return contact;
}

} // namespace whatsapp::entry
