/*
 * recipient.hpp — whom a message goes to: a phone number, or a business-scoped user id.
 *
 * Since 2026 a person may hide the number behind a user name. Webhooks then tell the user id alone:
 * the country's two letters, a point, and letters and digits ("ES.1349…"; "ES.ENT.…" of linked
 * portfolios).
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* Whether it has the form of a user id, well-formed or not: an error shall not call a malformed
 * user id a wrong phone number. */
bool looks_like_user_id(std::string_view recipient) noexcept;

/* True for what the API can be given. */
bool valid_recipient(std::string_view recipient) noexcept;

/* Throws Fault 22023. For a phone number that is check_phone(); for a user id, the text says what
 * one looks like. */
void check_recipient(std::string_view recipient);

/* How an error tells which of many messages it means: "The message is for +34…678, with reference
 * "PO-7"." Empty when neither is known; either may be NULL. */
std::string name_message(const char *recipient, const char *reference);

/* Whether a list such as "+34600111222, +3461*, ES.*" has the recipient: entries are separated by
 * commas, a star at the end of one stands for any rest. An empty list has everybody. */
bool list_has_recipient(std::string_view list, std::string_view recipient) noexcept;

} // namespace whatsapp
