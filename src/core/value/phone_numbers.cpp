/*
 * phone_numbers.cpp — libphonenumber, asked for what it knows and not for what it would guess.
 */
#include "core/value/phone_numbers.hpp"

#include <cstring>
#include <set>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumberutil.h>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

constexpr char nowhere[] = "ZZ";

template <std::size_t N>
void
copy_text(char (&to)[N], const std::string &from) noexcept
{
	const std::size_t size = from.size() < N ? from.size() : N - 1;
	std::memcpy(to, from.data(), size);
	to[size] = '\0';
}

/* The library writes to standard output, which is the server's log, and would write numbers. */
const PhoneNumberUtil &
library()
{
	static PhoneNumberUtil *const known = [] {
		PhoneNumberUtil *made = PhoneNumberUtil::GetInstance();
		made->SetLogger(new NullLogger);
		return made;
	}();
	return *known;
}

bool
is_region(const std::string &region)
{
	static const std::set<std::string> regions = [] {
		std::set<std::string> all;
		library().GetSupportedRegions(&all);
		return all;
	}();
	return regions.count(region) > 0;
}

const char *
type_name(PhoneNumberUtil::PhoneNumberType type) noexcept
{
	switch (type) {
	case PhoneNumberUtil::FIXED_LINE:
		return "fixed_line";
	case PhoneNumberUtil::MOBILE:
		return "mobile";
	case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
		return "fixed_line_or_mobile";
	case PhoneNumberUtil::TOLL_FREE:
		return "toll_free";
	case PhoneNumberUtil::PREMIUM_RATE:
		return "premium_rate";
	case PhoneNumberUtil::SHARED_COST:
		return "shared_cost";
	case PhoneNumberUtil::VOIP:
		return "voip";
	case PhoneNumberUtil::PERSONAL_NUMBER:
		return "personal";
	case PhoneNumberUtil::PAGER:
		return "pager";
	case PhoneNumberUtil::UAN:
		return "company";
	case PhoneNumberUtil::VOICEMAIL:
		return "voicemail";
	default:
		return "unknown";
	}
}

PhoneVerdict
verdict_of(const PhoneNumber &number)
{
	switch (library().IsPossibleNumberWithReason(number)) {
	case PhoneNumberUtil::IS_POSSIBLE:
		return library().IsValidNumber(number) ? PhoneVerdict::valid : PhoneVerdict::not_in_use;
	case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
		return PhoneVerdict::local_only;
	case PhoneNumberUtil::INVALID_COUNTRY_CODE:
		return PhoneVerdict::unknown_code;
	case PhoneNumberUtil::TOO_SHORT:
		return PhoneVerdict::too_short;
	case PhoneNumberUtil::INVALID_LENGTH:
		return PhoneVerdict::wrong_length;
	case PhoneNumberUtil::TOO_LONG:
		return PhoneVerdict::too_long;
	}
	return PhoneVerdict::failed;
}

std::string
format_number(const PhoneNumber &number, PhoneNumberUtil::PhoneNumberFormat how)
{
	std::string out;
	library().Format(number, how, &out);
	return out;
}

/* region: one that exists, or nowhere. */
PhoneVerdict
parse_number(const std::string &digits, const std::string &region, PhoneNumber &number)
{
	switch (library().Parse(digits, region, &number)) {
	case PhoneNumberUtil::NO_PARSING_ERROR:
		return verdict_of(number);
	case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
		return digits[0] == '+' ? PhoneVerdict::unknown_code : PhoneVerdict::no_region;
	case PhoneNumberUtil::TOO_LONG_NSN:
		return PhoneVerdict::too_long;
	default:
		return PhoneVerdict::too_short;
	}
}

void
describe_number(const PhoneNumber &number, PhoneReading &reading)
{
	reading.calling_code = number.country_code();
	std::string region;
	library().GetRegionCodeForNumber(number, &region);
	/* "001" is the library's word for no country, "ZZ" that for an unknown one */
	if (region.size() == 2 && region != nowhere)
		copy_text(reading.region, region);
	reading.possible = library().IsPossibleNumber(number);
	if (!reading.possible)
		return;
	copy_text(reading.type, type_name(library().GetNumberType(number)));
	copy_text(reading.e164, format_number(number, PhoneNumberUtil::E164));
	copy_text(reading.national, format_number(number, PhoneNumberUtil::NATIONAL));
	copy_text(reading.international, format_number(number, PhoneNumberUtil::INTERNATIONAL));
}

/* Reads digits as somebody dials them in the region. */
PhoneVerdict
parse_in_region(const std::string &digits, const std::string &region, PhoneNumber &number,
                PhoneReading &reading)
{
	PhoneVerdict verdict = parse_number(digits, region, number);
	/* people write 00 for the plus also where it is not the prefix of calls abroad */
	if (verdict != PhoneVerdict::valid && digits.compare(0, 2, "00") == 0) {
		PhoneNumber abroad;
		if (parse_number("+" + digits.substr(2), nowhere, abroad) == PhoneVerdict::valid) {
			number = abroad;
			return PhoneVerdict::valid;
		}
	}
	/* 4930123456 in Germany: 04930 123456 of Norddeich, or 030 123456 of Berlin with its country
	 * code
	 */
	if (verdict == PhoneVerdict::valid && digits[0] != '0') {
		PhoneNumber whole;
		const int code = library().GetCountryCodeForRegion(region);
		if (parse_number("+" + digits, nowhere, whole) == PhoneVerdict::valid &&
		    whole.country_code() == code) {
			const std::string one = format_number(number, PhoneNumberUtil::E164);
			const std::string other = format_number(whole, PhoneNumberUtil::E164);
			if (one != other) {
				copy_text(reading.e164, one);
				copy_text(reading.other, other);
				return PhoneVerdict::ambiguous;
			}
		}
	}
	return verdict;
}

/* Until 2019 a Mexican mobile number had a 1 behind the country code. WhatsApp's own ids have it
 * still, and newer metadata of the library calls it too long. */
bool
has_mexican_one(const std::string &digits)
{
	return digits.size() == 14 && digits.compare(0, 4, "+521") == 0;
}

PhoneVerdict
parse_international(const std::string &digits, PhoneNumber &number)
{
	const PhoneVerdict verdict = parse_number(digits, nowhere, number);
	if (verdict == PhoneVerdict::valid || !has_mexican_one(digits))
		return verdict;
	return parse_number("+52" + digits.substr(4), nowhere, number);
}

void
read_number(const std::string &digits, const std::string &region, PhoneReading &reading)
{
	PhoneNumber number;
	if (!region.empty() && !is_region(region)) {
		reading.verdict = PhoneVerdict::unknown_region;
		return;
	}
	if (digits[0] == '+')
		reading.verdict = parse_international(digits, number);
	else if (!region.empty())
		reading.verdict = parse_in_region(digits, region, number, reading);
	else if (digits.compare(0, 2, "00") == 0)
		reading.verdict = parse_number("+" + digits.substr(2), nowhere, number);
	else
		reading.verdict = PhoneVerdict::no_region;
	if (reading.verdict != PhoneVerdict::ambiguous && number.country_code() != 0)
		describe_number(number, reading);
	if (reading.verdict == PhoneVerdict::valid && has_mexican_one(digits))
		copy_text(reading.e164, digits);
}

} // namespace

void
read_phone_number(const char *digits, const char *region, PhoneReading *reading) noexcept
{
	*reading = {};
	reading->verdict = PhoneVerdict::failed;
	try {
		read_number(digits, region, *reading);
	} catch (...) {
		*reading = {};
		reading->verdict = PhoneVerdict::failed;
	}
}

} // namespace whatsapp
