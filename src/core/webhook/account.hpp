/*
 * account.hpp — what a change of a template, a number or an account says, as flat facts.
 *
 * Fields are told apart by the keys of their value where the name is not to be trusted: Meta's own
 * sample of a quality update calls itself a status update.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

/* Whether the reader has anything to do for a field of this name. */
bool account_field_known(std::string_view field) noexcept;

/* A template. Empty is "not said". */
struct TemplateFacts {
	std::string id;
	std::string name;
	std::string language; /* with _, as the API wants it */
	std::string status;   /* as the API calls it: REINSTATED is APPROVED again */
	std::string reason;
	std::string quality;
	std::string category;
	std::string previous_category;
	std::string correct_category;
	std::string components; /* JSON array as the API has it */
	std::string title;      /* other_info.title: FIRST_PAUSE, … */
};

/* A phone number, known by what people see of it. */
struct NumberFacts {
	std::string display_number; /* digits */
	std::string event;
	std::string limit;
	bool throughput_upgrade = false;
	std::string quality; /* RED when it was flagged */
	std::string name;    /* requested display name */
	std::string name_decision;
	std::string name_reason;
};

enum class AccountAction : unsigned char { none, pause, stop, reinstate };

struct AccountFacts {
	AccountAction action = AccountAction::none;
	std::string reason; /* one line for paused_reason */
	std::string hint;
	std::int64_t until = 0;     /* pause: Unix seconds of its end, 0 when it has none */
	std::string display_number; /* digits; empty: all numbers of the account */
};

/* One person's choice about marketing messages. */
struct Preference {
	std::string wa_id;
	std::string user_id;
	std::string phone_number_id;
	std::string detail;
	bool stop = false;
	std::int64_t at = 0;
};

struct AccountEvent {
	enum class About : unsigned char { nothing, message_template, number, account, preferences };
	About about = About::nothing;
	TemplateFacts message_template;
	NumberFacts number;
	AccountFacts account;
	std::vector<Preference> preferences;
};

/* change: one element of entry[].changes as JSON, as WebhookEvent::raw has it. Never throws but
 * std::bad_alloc; what is not understood is about nothing. */
AccountEvent read_account_event(std::string_view change);

/* True for a template that cannot be sent while it is called this; false for words that are new. */
bool template_status_blocks(std::string_view status) noexcept;

} // namespace whatsapp
