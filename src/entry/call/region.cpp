/*
 * region.cpp — see region.hpp.
 */
#include "entry/call/region.hpp"

#include "core/base/ascii.hpp"
#include "core/value/phone_reading.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::entry
{

const char *
optional_region(FunctionCallInfo fcinfo, int index)
{
	const char *given = optional_text(fcinfo, index, {"region", 63}, "");
	if (given[0] == '\0' && PG_ARGISNULL(index))
		return given;
	char *region = pstrdup(given);
	bool letters = strlen(region) == 2;
	for (char *at = region; *at != '\0'; at++) {
		*at = to_upper(*at);
		letters = letters && is_upper(*at);
	}
	if (!letters)
		pg::run_body([given] {
			PhoneReading reading = {};
			reading.verdict = PhoneVerdict::unknown_region;
			check_reading(reading, "", given);
		});
	return region;
}

} // namespace whatsapp::entry
