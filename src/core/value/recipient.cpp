/*
 * recipient.cpp — a user id is told by the point in third place, which no phone number has.
 */
#include "core/value/recipient.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/value/e164.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_user_id_letters = 128;

bool
valid_user_id(std::string_view id) noexcept
{
	if (!is_upper(id[0]) || !is_upper(id[1]))
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

std::string
name_message(const char *recipient, const char *reference)
{
	std::string whom;
	if (recipient != nullptr)
		whom = looks_like_user_id(recipient) ? mask_phone(recipient) : mask_number(recipient);
	if (reference != nullptr && reference[0] != '\0')
		return "The message " + (whom.empty() ? std::string("has") : "is for " + whom + ", with") +
		       " reference " + quote_name(reference) + ".";
	return whom.empty() ? whom : "The message is for " + whom + ".";
}

bool
list_has_recipient(std::string_view list, std::string_view recipient) noexcept
{
	if (trimmed_text(list).empty())
		return true;
	while (!list.empty()) {
		const std::size_t comma = std::min(list.find(','), list.size());
		const std::string_view entry = trimmed_text(list.substr(0, comma));
		list.remove_prefix(std::min(comma + 1, list.size()));
		if (entry.empty())
			continue;
		const bool open = entry.back() == '*';
		if (open ? recipient.substr(0, entry.size() - 1) == entry.substr(0, entry.size() - 1)
		         : recipient == entry)
			return true;
	}
	return false;
}

} // namespace whatsapp
