/*
 * button_check.cpp — buttons: how many of which type, in which order, and what each needs.
 */
#include <string_view>

#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_buttons = 10;
constexpr std::size_t max_card_buttons = 2;
constexpr std::size_t max_url = 2000;
constexpr std::size_t max_phone_number = 20;
constexpr std::size_t max_copy_code = 20;

void
check_button_text(const json &button, const FindingPlace &place)
{
	const std::string *text = text_member(button, "text", place);
	if (text == nullptr)
		return;
	if (!has_visible_text(*text))
		return place.note_finding(Rule::text_empty, "The button has no text.");
	check_length(*text, max_button_text_characters, Rule::button_text_too_long, place,
	             "The button's text");
}

void
check_quick_reply(const json &button, const FindingPlace &place)
{
	expect_members(button, place, {"type", "text"});
	check_button_text(button, place);
}

void
check_url_example(const json &button, const FindingPlace &place)
{
	/* a list of one; a text alone is taken, too */
	const auto found = button.find("example");
	const json *example = found == button.end() ? nullptr : &*found;
	if (example != nullptr && example->is_array() && example->size() == 1)
		example = &(*example)[0];
	if (example == nullptr || !example->is_string() ||
	    !has_visible_text(example->get_ref<const std::string &>()))
		place.note_finding(Rule::url_example_missing, "\"example\" must be a list with one text.");
}

void
check_url(const json &button, const FindingPlace &place)
{
	expect_members(button, place, {"type", "text", "url", "example"});
	check_button_text(button, place);
	const std::string *url = text_member(button, "url", place);
	if (url == nullptr)
		return;
	check_length(*url, max_url, Rule::url_too_long, place, "The address");
	const bool web = url->compare(0, 8, "https://") == 0 || url->compare(0, 7, "http://") == 0;
	const std::size_t blank = url->find_first_of(" \t\r\n");
	if (!web || blank != std::string::npos)
		place.note_finding(Rule::url_invalid,
		                   web ? "The address has white space."
		                       : "The address begins neither with https:// nor with http://.",
		                   web ? count_characters(std::string_view(*url).substr(0, blank)) + 1 : 1);
	const std::vector<FoundPlaceholder> placeholders = scan_placeholders(*url);
	if (placeholders.empty())
		return;
	const FoundPlaceholder &first = placeholders.front();
	if (first.kind == PlaceholderKind::malformed || first.end != url->size() ||
	    (first.kind == PlaceholderKind::numbered && first.name != "1"))
		place.note_finding(
		    Rule::url_placeholder_not_at_end,
		    "The address has more than one placeholder, or it is not {{1}} at the end.",
		    first.position);
	check_url_example(button, place);
}

void
check_phone_number(const json &button, const FindingPlace &place)
{
	expect_members(button, place, {"type", "text", "phone_number"});
	check_button_text(button, place);
	const std::string *number = text_member(button, "phone_number", place);
	if (number == nullptr)
		return;
	check_length(*number, max_phone_number, Rule::phone_number_too_long, place, "The number");
	const std::size_t digits = (*number)[0] == '+' ? 1 : 0;
	const std::size_t wrong = number->find_first_not_of("0123456789", digits);
	if (number->size() == digits || wrong != std::string::npos)
		place.note_finding(Rule::phone_number_invalid, "The number has something else than digits.",
		                   wrong == std::string::npos ? 0 : wrong + 1);
}

void
check_copy_code(const json &button, const FindingPlace &place)
{
	expect_members(button, place, {"type", "text", "example"});
	const auto found = button.find("example");
	const json *example = found == button.end() ? nullptr : &*found;
	if (example != nullptr && example->is_array() && example->size() == 1)
		example = &(*example)[0];
	if (example == nullptr || !example->is_string())
		return place.note_finding(Rule::example_missing, "\"example\" must be a text.");
	check_length(example->get_ref<const std::string &>(), max_copy_code, Rule::copy_code_too_long,
	             place, "The example");
}

void
check_flow(const json &button, const FindingPlace &place)
{
	expect_members(button, place,
	               {"type", "text", "flow_id", "flow_name", "flow_json", "flow_action",
	                "navigate_screen", "icon"});
	check_button_text(button, place);
	if (button.contains("flow_id") + button.contains("flow_name") + button.contains("flow_json") !=
	    1)
		place.note_finding(Rule::flow_missing, "The button has none or more than one of them.");
}

void
check_fixed_text(const json &button, const FindingPlace &place, const char *fixed)
{
	expect_members(button, place, {"type", "text"});
	const std::string *text = text_member(button, "text", place);
	if (text != nullptr && *text != fixed)
		place.note_finding(Rule::button_text_fixed, std::string("The text must be ") + fixed + ".");
}

void
refuse_code_button(const json &, const FindingPlace &place)
{
	place.note_finding(Rule::otp_button_not_allowed, "The button gives a one-time code.");
}

void
check_catalog(const json &button, const FindingPlace &place)
{
	check_fixed_text(button, place, "View catalog");
}

void
check_products(const json &button, const FindingPlace &place)
{
	check_fixed_text(button, place, "View items");
}

void
check_product(const json &button, const FindingPlace &place)
{
	check_fixed_text(button, place, "View");
}

/* For types of which Meta publishes nothing but that they exist. */
void
check_other(const json &button, const FindingPlace &place)
{
	if (button.contains("text"))
		check_button_text(button, place);
}

void
check_button(const json &button, const FindingPlace &place)
{
	static constexpr struct {
		const char *type;
		void (*check)(const json &button, const FindingPlace &place);
	} kinds[] = {{"QUICK_REPLY", check_quick_reply},
	             {"URL", check_url},
	             {"PHONE_NUMBER", check_phone_number},
	             {"COPY_CODE", check_copy_code},
	             {"FLOW", check_flow},
	             {"CATALOG", check_catalog},
	             {"MPM", check_products},
	             {"SPM", check_product},
	             {"OTP", refuse_code_button},
	             {"VOICE_CALL", check_other},
	             {"REQUEST_CONTACT_INFO", check_other},
	             {"ORDER_DETAILS", check_other}};
	if (!is_object(button, place))
		return;
	const std::string type = word_member(button, "type", place);
	for (const auto &kind : kinds)
		if (type == kind.type)
			return kind.check(button, place);
	if (!type.empty())
		place.note_finding(Rule::button_unknown, "The type " + quote_name(type) + " is not known.");
}

void
check_numbers_of(const json &list, const FindingPlace &place, bool card)
{
	struct {
		const char *type;
		std::size_t most;
		Rule rule;
		std::size_t count;
	} limits[] = {{"URL", 2, Rule::too_many_url_buttons, 0},
	              {"PHONE_NUMBER", 1, Rule::too_many_phone_buttons, 0},
	              {"COPY_CODE", 1, Rule::too_many_copy_code_buttons, 0}};
	for (const json &button : list)
		for (auto &limit : limits)
			limit.count += type_of(button) == limit.type ? 1 : 0;
	for (const auto &limit : limits)
		if (limit.count > limit.most)
			place.note_finding(limit.rule, "There are " + std::to_string(limit.count) + ".");
	const std::size_t most = card ? max_card_buttons : max_buttons;
	if (list.size() > most)
		place.note_finding(card ? Rule::card_too_many_buttons : Rule::too_many_buttons,
		                   "There are " + std::to_string(list.size()) + ".");
}

/* Quick replies are one run, at the beginning or at the end. */
void
check_order(const json &list, const FindingPlace &place)
{
	std::size_t changes = 0;
	for (std::size_t i = 1; i < list.size(); i++)
		if ((type_of(list[i]) == "QUICK_REPLY") != (type_of(list[i - 1]) == "QUICK_REPLY") &&
		    ++changes == 2)
			place.part("button " + std::to_string(i))
			    .note_finding(Rule::button_order, "Quick replies and other buttons alternate.");
}

} // namespace

void
check_buttons(const json &buttons, const FindingPlace &place, const TemplateTraits &traits,
              const std::string &where)
{
	expect_members(buttons, place, {"type", "buttons"});
	const json *list = list_member(buttons, "buttons", place);
	if (list == nullptr)
		return;
	if (list->empty())
		return place.note_finding(Rule::no_buttons, "The list of buttons is empty.");
	check_numbers_of(*list, place, !where.empty());
	if (where.empty())
		check_order(*list, place);
	for (std::size_t i = 0; i < list->size(); i++) {
		const FindingPlace one = place.part(where + "button " + std::to_string(i));
		check_button((*list)[i], one);
		const std::string type = type_of((*list)[i]);
		if (traits.offer && type != "COPY_CODE" && type != "URL")
			one.note_finding(Rule::offer_button_not_allowed,
			                 "The type is " + quote_name(type) + ".");
	}
}

} // namespace whatsapp
