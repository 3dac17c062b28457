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
required_contact(FunctionCallInfo fcinfo, int index)
{
	const char *phone = required_cstring(fcinfo, index, limits::phone);
	const char *contact = nullptr;
	pg::run_body([&] {
		check_recipient(phone);
		contact = pg::cstring_out(contact_key(phone));
	});
	return contact;
}

} // namespace whatsapp::entry
