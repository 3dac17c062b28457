/*
 * magic.hpp: phone numbers with a fixed behaviour, so that every path can be tried on purpose.
 *
 *   +15550NNNNNN  refused at once with error NNNNNN
 *   +15551NNNNNN  accepted, then a failed status with error NNNNNN
 *   +1555200000N  network and webhook trouble, see README.md
 */
#pragma once

#include <string_view>

namespace sandbox
{

enum class Act {
	Plain,
	Refuse,
	FailLater,
	NoAnswer,
	ResetAfter,
	ResetBefore,
	Slow,
	HeldForQuality,
	HtmlError,
	EmptyError,
	ReversedStatuses,
	DoubledStatuses,
	WebhookFirst,
	NoRecipientPhone,
	FailsTwice,
	PairLimitOnce,
	NoMessageId,
	SentOnly
};

struct Magic {
	Act act = Act::Plain;
	int code = 0;
};

Magic magic_of(std::string_view digits);

} // namespace sandbox
