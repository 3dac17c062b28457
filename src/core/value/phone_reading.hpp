/*
 * phone_reading.hpp — what the numbering plans of the world say of a number.
 *
 * A plain record and a plain function: they cross from one shared library to another
 * (phone_numbers.hpp), where no exception and no std::string should.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

enum class PhoneVerdict : int {
	valid,
	no_region,      /* it has no country code, and no region was given */
	unknown_region, /* the region is no code of a country, or has no numbering plan */
	unknown_code,   /* no country has this calling code */
	too_short,
	too_long,
	wrong_length, /* neither too short nor too long, but no number there is as long */
	local_only,   /* the area code is missing */
	not_in_use,   /* its length is possible, and no such number has been given out */
	ambiguous,    /* valid in two ways: its first digits may be the country code, or not */
	failed        /* the library raised, or had no memory */
};

struct PhoneReading {
	PhoneVerdict verdict;
	bool possible;
	int calling_code; /* 0: unknown */
	char region[4];   /* empty: of several countries or of none, as +800 */
	char type[24];    /* from here on: of a possible number, else empty */
	char e164[24];
	char other[24]; /* an ambiguous number has only this and e164 */
	char national[64];
	char international[64];
};

/* Why there is no number, as a sentence. Throws std::bad_alloc when the library had no memory. */
std::string reading_problem(const PhoneReading &reading, std::string_view region);

/* Throws Fault 22023, with what to do; the number is named as an error may name it. */
void check_reading(const PhoneReading &reading, std::string_view phone, std::string_view region);

} // namespace whatsapp
