/*
 * code_check.cpp — templates for one-time codes (category AUTHENTICATION): Meta writes their texts,
 * in each language, and the definition chooses options.
 */
#include <cstdint>

#include "core/base/counted_noun.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::int64_t max_expiration_minutes = 90;
constexpr std::size_t max_apps = 5;
constexpr std::size_t max_package_name = 224;
constexpr std::size_t signature_hash_characters = 11;

void
check_flag(const json &object, const char *name, const FindingPlace &place)
{
	const auto found = object.find(name);
	if (found != object.end() && !found->is_boolean())
		place.note_finding(Rule::wrong_type,
		                   std::string("\"") + name + "\" must be true or false.");
}

void
check_code_body(const json &body, const FindingPlace &place)
{
	if (body.contains("text"))
		place.note_finding(Rule::otp_body_not_allowed, "The body has a text.");
	expect_members(body, place, {"type", "text", "add_security_recommendation"});
	check_flag(body, "add_security_recommendation", place);
}

void
check_code_footer(const json &footer, const FindingPlace &place)
{
	if (footer.contains("text"))
		place.note_finding(Rule::otp_footer_not_allowed, "The footer has a text.");
	expect_members(footer, place, {"type", "text", "code_expiration_minutes"});
	const auto minutes = footer.find("code_expiration_minutes");
	if (minutes == footer.end())
		return place.note_finding(Rule::missing_member, "\"code_expiration_minutes\" is missing.");
	if (!minutes->is_number_integer())
		return place.note_finding(Rule::wrong_type,
		                          "\"code_expiration_minutes\" must be an integer.");
	if (*minutes < 1 || *minutes > max_expiration_minutes)
		place.note_finding(Rule::otp_expiration_out_of_range, "It is " + minutes->dump() + ".");
}

void
check_apps(const json &button, const FindingPlace &place)
{
	const json *apps = list_member(button, "supported_apps", place, Need::optional);
	if (apps == nullptr || apps->empty())
		return place.note_finding(Rule::otp_apps_missing, "\"supported_apps\" is missing.");
	if (apps->size() > max_apps)
		place.note_finding(Rule::otp_too_many_apps,
		                   "There are " + std::to_string(apps->size()) + ".");
	for (const json &app : *apps) {
		if (!is_object(app, place))
			continue;
		expect_members(app, place, {"package_name", "signature_hash"});
		if (const std::string *name = text_member(app, "package_name", place))
			check_length(*name, max_package_name, Rule::otp_package_name_too_long, place,
			             "The package name");
		const std::string *hash = text_member(app, "signature_hash", place);
		if (hash != nullptr && count_characters(*hash) != signature_hash_characters)
			place.note_finding(Rule::otp_signature_hash,
			                   "It has " + counted_noun(count_characters(*hash), "character") +
			                       ".");
	}
}

void
check_code_button(const json &button, const FindingPlace &place)
{
	if (!is_object(button, place))
		return;
	expect_members(
	    button, place,
	    {"type", "otp_type", "text", "autofill_text", "supported_apps", "zero_tap_terms_accepted"});
	for (const char *name : {"text", "autofill_text"})
		if (const std::string *text = text_member(button, name, place, Need::optional))
			check_length(*text, max_button_text_characters, Rule::button_text_too_long, place,
			             "The button's text");
	const std::string type = word_member(button, "otp_type", place);
	if (type.empty() || type == "COPY_CODE")
		return;
	if (type != "ONE_TAP" && type != "ZERO_TAP")
		return place.note_finding(Rule::otp_type_unknown,
		                          "The type " + quote_name(type) + " is not known.");
	check_apps(button, place);
	check_flag(button, "zero_tap_terms_accepted", place);
	if (type == "ZERO_TAP" && button.value("zero_tap_terms_accepted", json()) != json(true))
		place.note_finding(Rule::otp_terms_not_accepted,
		                   "\"zero_tap_terms_accepted\" is not true.");
}

void
check_code_buttons(const json &buttons, const FindingPlace &place)
{
	expect_members(buttons, place, {"type", "buttons"});
	const json *list = list_member(buttons, "buttons", place);
	if (list == nullptr)
		return;
	if (list->size() != 1 || type_of((*list)[0]) != "OTP")
		return place.note_finding(Rule::otp_button_count, "There are " +
		                                                      counted_noun(list->size(), "button") +
		                                                      ", or it is of another type.");
	check_code_button((*list)[0], place.part("button 0"));
}

} // namespace

void
check_code_components(const json &components, const FindingPlace &place)
{
	bool buttons = false;
	for (const json &component : components) {
		const std::string type = type_of(component);
		if (type == "BODY") {
			check_code_body(component, place.part("body"));
		} else if (type == "FOOTER") {
			check_code_footer(component, place.part("footer"));
		} else if (type == "BUTTONS") {
			check_code_buttons(component, place.part("buttons"));
			buttons = true;
		} else if (!type.empty()) {
			place.note_finding(Rule::otp_component_not_allowed,
			                   "The component " + quote_name(type) + " is not possible.");
		}
	}
	if (!buttons)
		place.note_finding(Rule::otp_button_count, "There is no button.");
}

} // namespace whatsapp
