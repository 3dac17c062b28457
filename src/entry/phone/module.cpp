/*
 * module.cpp — pg_whatsapp_phone.so, a library of its own with libphonenumber in it;
 * core/value/phone_numbers.hpp says why. It has no SQL function, and does nothing when it is
 * loaded.
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
