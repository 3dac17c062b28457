/*
 * person.cpp — a phone number, or a user id.
 */
#include "entry/call/person.hpp"

#include "core/value/recipient.hpp"
#include "core/webhook/inbound.hpp"
#include "pg/server/boundary.hpp"

#include "entry/call/arguments.hpp"

namespace whatsapp::entry
{

const char *
required_contact(FunctionCallInfo fcinfo, int place)
{
	const char *phone = required_cstring(fcinfo, place, limits::phone);
	const char *contact = nullptr;
	pg::guarded([&] {
		check_recipient(phone);
		contact = pg::cstring_out(contact_key(phone));
	});
	return contact;
}

} // namespace whatsapp::entry
