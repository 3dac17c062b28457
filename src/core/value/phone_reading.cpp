/*
 * phone_reading.cpp — verdicts in words.
 */
#include "core/value/phone_reading.hpp"

#include <new>

#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/value/e164.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

std::string
place_of(const PhoneReading &reading)
{
	if (reading.calling_code == 0)
		return "of any country";
	std::string place = "of country code +" + std::to_string(reading.calling_code);
	if (reading.region[0] != '\0')
		place += std::string(" (") + reading.region + ")";
	return place;
}

const char *
reading_hint(PhoneVerdict verdict) noexcept
{
	switch (verdict) {
	case PhoneVerdict::no_region:
		return "Give the region that it is of, such as region => 'ES', or write it with + and the "
		       "country code.";
	case PhoneVerdict::unknown_region:
		return "A region is a country's code of two letters by ISO 3166-1, such as ES; that of the "
		       "United Kingdom is GB.";
	case PhoneVerdict::ambiguous:
		return "Write it with + and the country code, or as it is dialed within its country, with the "
		       "leading 0 where there is one.";
	case PhoneVerdict::not_in_use:
		return "Numbers that are newer than the installed libphonenumber are unknown to it. What is "
		       "right can be sent to as it is, with + and the country code.";
	default:
		return "Compare it with its source.";
	}
}

} // namespace

std::string
reading_problem(const PhoneReading &reading, std::string_view region)
{
	switch (reading.verdict) {
	case PhoneVerdict::valid:
		return {};
	case PhoneVerdict::no_region:
		return "The number has no country code, and no region was given.";
	case PhoneVerdict::unknown_region:
		return "There are no phone numbers of region " + quote_name(region) + ".";
	case PhoneVerdict::unknown_code:
		return "The number begins with no country code that is in use.";
	case PhoneVerdict::too_short:
		return "The number is too short for one " + place_of(reading) + ".";
	case PhoneVerdict::too_long:
		return "The number is too long for one " + place_of(reading) + ".";
	case PhoneVerdict::wrong_length:
		return "There are no numbers of this length " + place_of(reading) + ".";
	case PhoneVerdict::local_only:
		return "The area code is missing, which a number " + place_of(reading) + " needs.";
	case PhoneVerdict::not_in_use:
		return "There is no such number " + place_of(reading) +
		       ": its length is possible, its beginning is not in use.";
	case PhoneVerdict::ambiguous:
		return "The number can be read in two ways: with its first digits as the country code, or "
		       "with the country code missing, and both numbers exist.";
	case PhoneVerdict::failed:
		break;
	}
	/* read_phone_number() fails when the library throws, and it throws for want of memory only */
	throw std::bad_alloc();
}

void
check_reading(const PhoneReading &reading, std::string_view phone, std::string_view region)
{
	if (reading.verdict == PhoneVerdict::valid)
		return;
	if (reading.verdict == PhoneVerdict::unknown_region)
		throw Fault(sqlstate::invalid_parameter_value,
		            "region " + quote_name(region) + " does not exist",
		            reading_problem(reading, region), reading_hint(reading.verdict));
	throw Fault(sqlstate::invalid_parameter_value, "phone number is not valid",
	            reading_problem(reading, region) + name_number(phone),
	            reading_hint(reading.verdict));
}

} // namespace whatsapp
