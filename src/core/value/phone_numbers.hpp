/*
 * phone_numbers.hpp — the numbering plans of the world, as libphonenumber knows them.
 *
 * phone_numbers.cpp is the only source that knows libphonenumber, and is linked into a library of
 * its own, pg_whatsapp_phone.so, which the server loads when the first number is to be read. In
 * pg_whatsapp.so it would cost each process that loads it 3 to 10 ms and 400 kB for libprotobuf,
 * which two other extensions may want in two versions, and a server without libphonenumber could
 * not send at all. The metadata, 2.3 MB and 6 ms more, is read at the first number.
 */
#pragma once

#include "core/value/phone_reading.hpp"

namespace whatsapp
{

/* What the module hands out. A server that was not restarted after an update of its files may load
 * a newer module than itself: it compares the first member before it looks at the others. */
struct PhoneNumbers {
	int interface;
	/* digits: as spell_phone() writes them; region: two capitals, or empty. Never throws. */
	void (*read)(const char *digits, const char *region, PhoneReading *reading) noexcept;
};

inline constexpr int phone_numbers_interface = 1;

/* With a region, digits without a plus are read as they are dialed in it. Without one they are a
 * number only if they begin with 00. */
void read_phone_number(const char *digits, const char *region, PhoneReading *reading) noexcept;

} // namespace whatsapp
