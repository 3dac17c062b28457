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
	no_region,      /* a national number, and nobody says of where */
	unknown_region, /* no such code, or a place without a numbering plan */
	unknown_code,   /* no country has this calling code */
	too_short,
	too_long,
	wrong_length, /* between others that are possible */
	local_only,   /* the area code is missing */
	not_in_use,   /* its length is possible, and no such number has been given out */
	ambiguous,    /* two valid numbers: with what it begins as country code, and without */
	failed        /* the library raised, or had no memory */
};

struct PhoneReading {
	PhoneVerdict verdict;
	bool possible;
	int calling_code; /* 0: unknown */
	char region[4];   /* empty: of several countries or of none, as +800 */
	char type[24];    /* this and what follows: of a possible number */
	char e164[24];
	char other[24]; /* the other number of an ambiguous one */
	char national[64];
	char international[64];
};

/* Why there is no number, as a sentence. Throws std::bad_alloc when the library had no memory. */
std::string reading_problem(const PhoneReading &reading, std::string_view region);

/* Throws Fault 22023, with what to do; the number is named as an error may name it. */
void check_reading(const PhoneReading &reading, std::string_view phone, std::string_view region);

} // namespace whatsapp
