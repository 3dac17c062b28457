/*
 * e164.hpp — phone numbers as ITU-T E.164 writes them: a plus sign, then 7 to 15 ASCII digits, the
 * first of them not 0.
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

/* NULL for a valid number, else the reason as one sentence without the number itself; a static
 * string. */
const char *phone_problem(std::string_view phone) noexcept;

/* Throws Fault 22023 with the reason and the E.164 example as the hint. */
void check_phone(std::string_view phone);

/* The digits without the plus sign, as the platform's wa_id writes them; call with a valid number
 * only. */
std::string_view digits(std::string_view phone) noexcept;

} // namespace whatsapp
