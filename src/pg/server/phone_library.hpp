/*
 * phone_library.hpp — pg_whatsapp_phone.so, loaded when the first number is to be read.
 */
#pragma once

#include "core/value/phone_numbers.hpp"

namespace whatsapp::pg
{

/* Raises 58P01 when the file or what it needs is not there, 55000 when it is of another version
 * than what runs. Never on the way of a message. */
const PhoneNumbers &phone_library();

} // namespace whatsapp::pg
