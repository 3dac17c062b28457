/*
 * account.cpp — the fields of cloud-api's account and template webhooks.
 */
#include "core/webhook/account.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

using About = AccountEvent::About;

/* It ends up in keys and in one-line columns. */
constexpr std::size_t max_word = 512;

std::string
word(const json &tree, const char *name)
{
	return std::string(clip_text(text_of(member(tree, name)), max_word));
}

const json &
object(const json &tree, const char *name)
{
	static const json nothing = json::object();
	const json *found = member(tree, name);
	return found == nullptr ? nothing : *found;
}

std::string
digits_of(const std::string &text)
{
	std::string found;
	std::copy_if(text.begin(), text.end(), std::back_inserter(found), is_digit);
	return found;
}

std::int64_t
seconds(const json &tree, const char *name)
{
	const std::string text = word(tree, name);
	std::int64_t value = 0;
	auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	const bool valid = error == std::errc() && stopped == text.data() + text.size() && value > 0 &&
	                   value < 253402300800;
	return valid ? value : 0;
}

/* The event of a status update as the status that the API shows afterwards. */
std::string
status_after(const std::string &event)
{
	if (event == "REINSTATED" || event == "UNARCHIVED" || event == "UNPAUSED")
		return "APPROVED";
	return event;
}

void
add_text(json &components, const char *type, const std::string &text)
{
	if (text.empty())
		return;
	json component = {{"type", type}, {"text", text}};
	if (std::string_view(type) == "HEADER")
		component["format"] = "TEXT";
	components.push_back(std::move(component));
}

std::string
components_of(const json &value)
{
	json components = json::array();
	add_text(components, "HEADER", text_of(member(value, "message_template_title")));
	add_text(components, "BODY", text_of(member(value, "message_template_element")));
	add_text(components, "FOOTER", text_of(member(value, "message_template_footer")));
	const json &buttons = object(value, "message_template_buttons");
	json made = json::array();
	if (buttons.is_array())
		for (const json &button : buttons) {
			json one = json::object();
			for (const auto &[name, from] :
			     {std::pair("type", "message_template_button_type"),
			      std::pair("text", "message_template_button_text"),
			      std::pair("url", "message_template_button_url"),
			      std::pair("phone_number", "message_template_button_phone_number")}) {
				std::string text = text_of(member(button, from));
				if (!text.empty())
					one[name] = std::move(text);
			}
			made.push_back(std::move(one));
		}
	if (!made.empty())
		components.push_back({{"type", "BUTTONS"}, {"buttons", std::move(made)}});
	return components.empty() ? std::string() : to_jsonb_text(components);
}

void
read_template(const json &value, AccountEvent &event)
{
	TemplateFacts &facts = event.message_template;
	facts.id = word(value, "message_template_id");
	facts.name = word(value, "message_template_name");
	facts.language = word(value, "message_template_language");
	std::replace(facts.language.begin(), facts.language.end(), '-', '_');
	if (facts.name.empty() || facts.language.empty())
		return;
	event.about = About::message_template;
	facts.status = status_after(word(value, "event"));
	facts.reason = word(value, "reason");
	facts.title = word(object(value, "other_info"), "title");
	facts.quality = word(value, "new_quality_score");
	facts.category = word(value, "new_category");
	if (facts.category.empty())
		facts.category = word(value, "message_template_category");
	facts.previous_category = word(value, "previous_category");
	facts.correct_category = word(value, "correct_category");
	facts.components = components_of(value);
}

void
read_number(const json &value, AccountEvent &event)
{
	NumberFacts &facts = event.number;
	facts.display_number = digits_of(word(value, "display_phone_number"));
	if (facts.display_number.empty())
		return;
	event.about = About::number;
	facts.event = word(value, "event");
	facts.limit = word(value, "max_daily_conversations_per_business");
	if (facts.limit.empty())
		facts.limit = word(value, "current_limit");
	facts.throughput_upgrade = facts.event == "THROUGHPUT_UPGRADE";
	if (facts.event == "FLAGGED")
		facts.quality = "RED";
	facts.name_decision = word(value, "decision");
	facts.name = word(value, "requested_verified_name");
	facts.name_reason = word(value, "rejection_reason");
}

/* The restrictions that stop what this extension sends; of several, the one that lasts longest. */
void
read_restrictions(const json &restrictions, AccountFacts &facts)
{
	if (!restrictions.is_array())
		return;
	bool forever = false;
	for (const json &one : restrictions) {
		const std::string type = word(one, "restriction_type");
		if (type != "RESTRICTED_BIZ_INITIATED_MESSAGING" &&
		    type != "RESTRICTED_CUSTOMER_INITIATED_MESSAGING")
			continue;
		const std::int64_t until = seconds(one, "expiration");
		if (facts.action == AccountAction::pause &&
		    (forever || (until != 0 && until <= facts.until)))
			continue;
		facts.action = AccountAction::pause;
		facts.until = until;
		forever = until == 0;
		facts.reason = "the account is restricted: " + type;
		facts.hint = word(one, "remediation");
		if (forever)
			facts.reason += ", without an end that can be read";
		if (facts.hint.empty())
			facts.hint = forever
			                 ? "See Account Quality in WhatsApp Manager. Nothing is sent until "
			                   "wa_resume() is called: do that when the restriction has ended."
			                 : "See Account Quality in WhatsApp Manager. Sending goes on when the "
			                   "restriction ends.";
	}
}

void
read_account(const json &value, AccountEvent &event)
{
	AccountFacts &facts = event.account;
	const std::string what = word(value, "event");
	event.about = About::account;
	facts.display_number = digits_of(word(value, "phone_number"));
	const std::string ban = word(object(value, "ban_info"), "waba_ban_state");
	if (what == "ACCOUNT_DELETED" || what == "ACCOUNT_OFFBOARDED" ||
	    (what == "DISABLED_UPDATE" && ban == "DISABLE")) {
		facts.action = AccountAction::stop;
		facts.reason = "the account was stopped: " + what;
		facts.hint = "Appeal in WhatsApp Manager; when the account works again, call wa_resume().";
	} else if (what == "ACCOUNT_RECONNECTED" || (what == "DISABLED_UPDATE" && ban == "REINSTATE")) {
		facts.action = AccountAction::reinstate;
		facts.hint = "The account works again: call wa_resume() to go on.";
	}
	if (facts.action == AccountAction::none)
		read_restrictions(object(value, "restriction_info"), facts);
	if (facts.action == AccountAction::none)
		event.about = About::nothing;
}

void
read_preferences(const json &value, AccountEvent &event)
{
	const json &preferences = object(value, "user_preferences");
	if (!preferences.is_array())
		return;
	for (const json &one : preferences) {
		const std::string choice = word(one, "value");
		/* signup: who comes back by a form of the business's has asked for it, too */
		if (word(one, "category") != "marketing_messages" ||
		    (choice != "stop" && choice != "resume" && choice != "signup"))
			continue;
		Preference preference;
		preference.wa_id = word(one, "wa_id");
		preference.user_id = word(one, "user_id");
		if (preference.wa_id.empty() && preference.user_id.empty())
			continue;
		preference.phone_number_id = word(object(value, "metadata"), "phone_number_id");
		preference.detail = word(one, "detail");
		preference.stop = choice == "stop";
		preference.at = seconds(one, "timestamp");
		event.preferences.push_back(std::move(preference));
	}
	if (!event.preferences.empty())
		event.about = About::preferences;
}

struct Field {
	std::string_view name;
	void (*read)(const json &, AccountEvent &);
};

constexpr Field fields[] = {
    {"message_template_status_update", read_template},
    {"message_template_quality_update", read_template},
    {"message_template_components_update", read_template},
    {"template_category_update", read_template},
    {"phone_number_quality_update", read_number},
    {"phone_number_name_update", read_number},
    {"account_update", read_account},
    {"user_preferences", read_preferences},
};

const Field *
find_field(std::string_view name) noexcept
{
	for (const Field &field : fields)
		if (field.name == name)
			return &field;
	return nullptr;
}

} // namespace

bool
account_field_known(std::string_view field) noexcept
{
	return find_field(field) != nullptr;
}

AccountEvent
read_account_event(std::string_view change)
{
	AccountEvent event;
	json tree;

	if (parse_bounded(change, tree) != JsonProblem::none)
		return event;
	const Field *field = find_field(text_of(member(tree, "field")));
	const json *value = member(tree, "value");
	if (field != nullptr && value != nullptr && value->is_object())
		field->read(*value, event);
	return event;
}

bool
template_status_blocks(std::string_view status) noexcept
{
	static constexpr std::string_view blocking[] = {
	    "PENDING",  "REJECTED",         "PAUSED",         "DISABLED",  "DELETED",
	    "ARCHIVED", "PENDING_DELETION", "LIMIT_EXCEEDED", "IN_APPEAL",
	};
	return std::find(std::begin(blocking), std::end(blocking), status) != std::end(blocking);
}

} // namespace whatsapp
