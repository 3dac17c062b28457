/*
 * module.cpp — pg_whatsapp_phone.so: the phone numbers' library, apart from ours; why is said in
 * core/value/phone_numbers.hpp. It has no function of SQL and does nothing when it is loaded.
 */
#include "core/value/phone_numbers.hpp"
#include "pg/server/prelude.hpp"

extern "C" {
#include "fmgr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT const whatsapp::PhoneNumbers *pg_whatsapp_phone_numbers();
}

const whatsapp::PhoneNumbers *
pg_whatsapp_phone_numbers()
{
	static constexpr whatsapp::PhoneNumbers numbers = {whatsapp::phone_numbers_interface,
	                                                   whatsapp::read_phone_number};
	return &numbers;
}
