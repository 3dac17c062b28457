/*
 * recipient.cpp — by its point: no phone number has one in third place.
 */
#include "core/value/recipient.hpp"

#include <algorithm>

#include "core/base/fault.hpp"
#include "core/value/e164.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_user_id_letters = 128;

bool
is_capital(char c) noexcept
{
	return c >= 'A' && c <= 'Z';
}

bool
is_letter_or_digit(char c) noexcept
{
	return is_capital(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
valid_user_id(std::string_view id) noexcept
{
	if (!is_capital(id[0]) || !is_capital(id[1]))
		return false;
	id.remove_prefix(3);
	if (id.substr(0, 4) == "ENT.")
		id.remove_prefix(4);
	return !id.empty() && id.size() <= max_user_id_letters &&
	       std::all_of(id.begin(), id.end(), is_letter_or_digit);
}

} // namespace

bool
looks_like_user_id(std::string_view recipient) noexcept
{
	return recipient.size() > 3 && recipient[0] != '+' && recipient[2] == '.';
}

bool
valid_recipient(std::string_view recipient) noexcept
{
	return looks_like_user_id(recipient) ? valid_user_id(recipient) : valid_e164(recipient);
}

void
check_recipient(std::string_view recipient)
{
	if (!looks_like_user_id(recipient)) {
		check_phone(recipient);
		return;
	}
	if (!valid_user_id(recipient))
		throw Fault(sqlstate::invalid_parameter_value, "business-scoped user id is malformed",
		            "It is the two capital letters of a country, a point, and at most 128 letters "
		            "and digits.",
		            "Give it as webhooks tell it, see whatsapp_inbound.user_id; or a phone "
		            "number such as +34612345678.");
}

} // namespace whatsapp
