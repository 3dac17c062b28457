/*
 * send_window.cpp — the rows of a statement have few countries and one time: what was found stays
 * at hand.
 */
#include "pg/enqueue/send_window.hpp"

#include "core/value/calling_zones.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

struct KnownOpening {
	uint64 hours; /* hashes */
	uint64 place;
	TimestampTz moment;
	TimestampTz opens;
};

constexpr uint64 known_count = 256;
KnownOpening known_openings[known_count];

uint64
hash_of(const char *text)
{
	return hash_bytes_extended(reinterpret_cast<const unsigned char *>(text),
	                           static_cast<int>(strlen(text)), 0);
}

TimestampTz
find_opening(TimestampTz moment, const char *hours, const char *time_zone, const char *phone)
{
	static Statement of_zone = {
	    "SELECT @s@.wa_send_window($1, $2, $3)", 3, {TIMESTAMPTZOID, TEXTOID, TEXTOID}};
	static Statement of_phone = {
	    "SELECT @s@.wa_phone_send_window($1, $2, $3)", 3, {TIMESTAMPTZOID, TEXTOID, TEXTOID}};
	Values values;
	values.set(0, TimestampTzGetDatum(moment));
	values.set_text(1, hours);
	values.set_text(2, time_zone != nullptr ? time_zone : phone);
	const Result found = run_statement(time_zone != nullptr ? of_zone : of_phone, values);
	return found.empty() || found.is_null(0, 1) ? moment : found.int64_at(0, 1);
}

} // namespace

std::int64_t
next_opening(std::int64_t moment, const char *hours, const char *time_zone, const char *phone)
{
	if (time_zone != nullptr && time_zone[0] == '\0')
		time_zone = nullptr;
	if (phone == nullptr)
		phone = "";
	const uint64 hours_hash = hash_of(hours);
	const uint64 place_hash = hash_of(time_zone != nullptr ? time_zone : zones_of_phone(phone));
	const uint64 place =
	    (hours_hash ^ place_hash ^ static_cast<uint64>(moment)) * UINT64CONST(0x9E3779B97F4A7C15);
	KnownOpening &known = known_openings[(place >> 32) % known_count];
	if (known.hours == hours_hash && known.place == place_hash && known.moment == moment)
		return known.opens;
	const TimestampTz opens = find_opening(moment, hours, time_zone, phone);
	known = {hours_hash, place_hash, moment, opens};
	return opens;
}

} // namespace whatsapp::pg
