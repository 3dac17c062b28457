/*
 * e164.hpp — phone numbers as ITU-T E.164 writes them: a plus sign, then 6 to 15 ASCII digits, the
 * first of them not 0.
 *
 * E.164 has no lower limit. The shortest numbers in use have six digits with their country code,
 * such as +98 9601, +43 1110 and +49 1640.
 *
 * Bytes, not characters: an Arabic digit or a full-width plus is refused whatever the collation.
 * Nothing is cleaned up or guessed: a rewritten number is somebody else's number.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* True for a number that the API can be given. Never throws. */
bool valid_e164(std::string_view phone) noexcept;

/* Empty for a valid number, else the reason in sentences, without the number itself. What is said
 * of a number without a plus is never more than its digits tell: 15123456789 is a mobile number of
 * Germany, or with a plus one of New York. */
std::string phone_problem(std::string_view phone);

/* 3.46E+10 and its like: a spreadsheet has written it, or a float. */
bool in_exponent_form(std::string_view text) noexcept;
/* 34612345678.0: digits, and then places that are all zero. */
bool in_decimal_form(std::string_view text) noexcept;

/* Throws Fault 22023 with the reason and the E.164 example as the hint. */
void check_phone(std::string_view phone);

/* How an error names a number, whatever is written in it: "+34…678", by mask_phone(); the last
 * three digits of a short one, nothing of fewer than seven. */
std::string mask_number(std::string_view phone);
/* The same as a sentence behind others: " It is +34…678.", or nothing. */
std::string name_number(std::string_view phone);

/* The digits without the plus sign, as the platform's wa_id writes them; call with a valid number
 * only. */
std::string_view digits(std::string_view phone) noexcept;

} // namespace whatsapp
