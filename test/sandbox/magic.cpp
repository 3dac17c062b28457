/*
 * magic.cpp: from a phone number to its fixed behaviour.
 *
 * The ranges lie in the American 555 numbers, which belong to nobody.
 */
#include "magic.hpp"

#include <array>
#include <string>

namespace sandbox
{

namespace
{

const std::array<Act, 16> special = {
    Act::Plain,           Act::NoAnswer,      Act::ResetAfter,
    Act::ResetBefore,     Act::Slow,          Act::HeldForQuality,
    Act::HtmlError,       Act::EmptyError,    Act::ReversedStatuses,
    Act::DoubledStatuses, Act::WebhookFirst,  Act::NoRecipientPhone,
    Act::FailsTwice,      Act::PairLimitOnce, Act::NoMessageId,
    Act::SentOnly};

} // namespace

Magic
magic_of(std::string_view digits)
{
	if (digits.size() != 11 || digits.compare(0, 4, "1555") != 0)
		return {};
	const int last = std::stoi(std::string(digits.substr(5)));
	switch (digits[4]) {
	case '0':
		return {Act::Refuse, last};
	case '1':
		return {Act::FailLater, last};
	case '2':
		if (last < static_cast<int>(special.size()))
			return {special[static_cast<size_t>(last)], 0};
		return {};
	default:
		return {};
	}
}

} // namespace sandbox
