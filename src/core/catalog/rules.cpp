/*
 * rules.cpp — the name and the meaning of each rule; what finds a breach stands in the *_check.cpp
 * files.
 */
#include "core/catalog/rules.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr RuleText texts[] = {
    {Rule::unknown_member, "unknown_member", "Only members that the creation call knows."},
    {Rule::wrong_type, "wrong_type", "Each member has the JSON type that the creation call wants."},
    {Rule::missing_member, "missing_member", "What the creation call requires is there."},
    {Rule::name_invalid, "name_invalid",
     "A name consists of lower-case letters a to z, digits and underscores."},
    {Rule::name_too_long, "name_too_long", "A name has at most 512 characters."},
    {Rule::language_invalid, "language_invalid", "A language code looks like es or en_US."},
    {Rule::category_unknown, "category_unknown",
     "The categories are AUTHENTICATION, MARKETING and UTILITY."},
    {Rule::parameter_format_unknown, "parameter_format_unknown",
     "The parameter formats are POSITIONAL and NAMED."},
    {Rule::ttl_out_of_range, "ttl_out_of_range",
     "message_send_ttl_seconds is 30 to 900 for AUTHENTICATION, 30 to 43200 for UTILITY, 43200 to "
     "2592000 for MARKETING; or -1, but for MARKETING."},
    {Rule::component_unknown, "component_unknown",
     "The components are HEADER, BODY, FOOTER, BUTTONS, LIMITED_TIME_OFFER, CAROUSEL and "
     "CALL_PERMISSION_REQUEST."},
    {Rule::component_repeated, "component_repeated", "Each component stands once."},
    {Rule::body_missing, "body_missing", "A template has a BODY."},
    {Rule::text_empty, "text_empty", "A text has something to see."},
    {Rule::header_too_long, "header_too_long", "A header has at most 60 characters."},
    {Rule::body_too_long, "body_too_long", "A body has at most 1024 characters."},
    {Rule::footer_too_long, "footer_too_long", "A footer has at most 60 characters."},
    {Rule::offer_body_too_long, "offer_body_too_long",
     "Beside a limited-time offer a body has at most 600 characters."},
    {Rule::product_body_too_long, "product_body_too_long",
     "Below a product header a body has at most 160 characters."},
    {Rule::card_body_too_long, "card_body_too_long",
     "The body of a card has at most 160 characters."},
    {Rule::header_format_unknown, "header_format_unknown",
     "The formats of a header are TEXT, IMAGE, VIDEO, DOCUMENT, GIF, LOCATION and PRODUCT."},
    {Rule::header_text_not_allowed, "header_text_not_allowed",
     "Only a header of format TEXT has a text."},
    {Rule::header_too_many_placeholders, "header_too_many_placeholders",
     "A header has one placeholder at most."},
    {Rule::header_markdown, "header_markdown",
     "A header has no *bold*, _italic_, ~struck~ or `fixed` text."},
    {Rule::header_example_missing, "header_example_missing",
     "A header with media has the handle of an example."},
    {Rule::location_category, "location_category",
     "A header with a location is for UTILITY and MARKETING."},
    {Rule::footer_has_placeholder, "footer_has_placeholder", "A footer has no placeholder."},
    {Rule::placeholder_malformed, "placeholder_malformed",
     "A placeholder is {{1}} to {{100}} or {{lower_snake}}, without spaces."},
    {Rule::placeholder_special_character, "placeholder_special_character",
     "A placeholder has none of # $ %."},
    {Rule::placeholder_gap, "placeholder_gap",
     "Numbered placeholders begin at {{1}} and leave none out."},
    {Rule::placeholder_at_start, "placeholder_at_start",
     "A body does not begin with a placeholder."},
    {Rule::placeholder_at_end, "placeholder_at_end", "A body does not end with a placeholder."},
    {Rule::placeholders_adjacent, "placeholders_adjacent",
     "Between two placeholders there is a word or a sign."},
    {Rule::placeholders_mixed, "placeholders_mixed",
     "The placeholders of a template are all numbered or all named."},
    {Rule::placeholder_format, "placeholder_format",
     "The placeholders are of the kind that parameter_format says; without it, POSITIONAL."},
    {Rule::placeholder_ratio, "placeholder_ratio",
     "A body has more than twice as many words as placeholders."},
    {Rule::example_missing, "example_missing", "Each text with placeholders has examples."},
    {Rule::example_count, "example_count", "There is one example for each placeholder."},
    {Rule::example_name, "example_name",
     "Each example of a named placeholder has the name of one, and none has two."},
    {Rule::example_empty, "example_empty", "An example has something to see."},
    {Rule::too_many_buttons, "too_many_buttons", "A template has at most 10 buttons."},
    {Rule::no_buttons, "no_buttons", "A list of buttons has one at least."},
    {Rule::button_unknown, "button_unknown",
     "The buttons are QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, FLOW, CATALOG, MPM, SPM, OTP, "
     "VOICE_CALL, REQUEST_CONTACT_INFO and ORDER_DETAILS."},
    {Rule::button_order, "button_order",
     "Quick replies stand together, before or after the others."},
    {Rule::button_text_too_long, "button_text_too_long",
     "The text of a button has at most 25 characters."},
    {Rule::button_text_fixed, "button_text_fixed",
     "The texts of CATALOG, MPM and SPM are View catalog, View items and View."},
    {Rule::too_many_url_buttons, "too_many_url_buttons", "A template has at most 2 URL buttons."},
    {Rule::too_many_phone_buttons, "too_many_phone_buttons",
     "A template has at most one PHONE_NUMBER button."},
    {Rule::too_many_copy_code_buttons, "too_many_copy_code_buttons",
     "A template has at most one COPY_CODE button."},
    {Rule::url_invalid, "url_invalid",
     "The address of a button begins with https:// or http:// and has no white space."},
    {Rule::url_too_long, "url_too_long", "The address of a button has at most 2000 characters."},
    {Rule::url_placeholder_not_at_end, "url_placeholder_not_at_end",
     "The address of a button has one placeholder at most, {{1}} or a name, at its end."},
    {Rule::url_example_missing, "url_example_missing",
     "An address with a placeholder has one example."},
    {Rule::phone_number_invalid, "phone_number_invalid",
     "The number of a button is digits, with a + before them or without."},
    {Rule::phone_number_too_long, "phone_number_too_long",
     "The number of a button has at most 20 characters."},
    {Rule::copy_code_too_long, "copy_code_too_long",
     "The example of a COPY_CODE button has at most 20 characters."},
    {Rule::flow_missing, "flow_missing",
     "A FLOW button names its flow by one of flow_id, flow_name and flow_json."},
    {Rule::otp_component_not_allowed, "otp_component_not_allowed",
     "A template for one-time codes has BODY, FOOTER and BUTTONS only."},
    {Rule::otp_body_not_allowed, "otp_body_not_allowed",
     "The text of a template for one-time codes is Meta's own."},
    {Rule::otp_footer_not_allowed, "otp_footer_not_allowed",
     "The footer of a template for one-time codes is Meta's own, with code_expiration_minutes."},
    {Rule::otp_expiration_out_of_range, "otp_expiration_out_of_range",
     "code_expiration_minutes is 1 to 90."},
    {Rule::otp_button_count, "otp_button_count",
     "A template for one-time codes has one button, of type OTP."},
    {Rule::otp_button_not_allowed, "otp_button_not_allowed",
     "An OTP button is for category AUTHENTICATION."},
    {Rule::otp_type_unknown, "otp_type_unknown",
     "The types of an OTP button are COPY_CODE, ONE_TAP and ZERO_TAP."},
    {Rule::otp_apps_missing, "otp_apps_missing", "ONE_TAP and ZERO_TAP name their apps."},
    {Rule::otp_too_many_apps, "otp_too_many_apps", "An OTP button has at most 5 apps."},
    {Rule::otp_package_name_too_long, "otp_package_name_too_long",
     "The package name of an app has at most 224 characters."},
    {Rule::otp_signature_hash, "otp_signature_hash",
     "The signature hash of an app has 11 characters."},
    {Rule::otp_terms_not_accepted, "otp_terms_not_accepted",
     "ZERO_TAP needs zero_tap_terms_accepted."},
    {Rule::offer_text_too_long, "offer_text_too_long",
     "The text of a limited-time offer has at most 16 characters."},
    {Rule::offer_header, "offer_header",
     "Above a limited-time offer stands an image or a video, or no header."},
    {Rule::offer_footer_not_allowed, "offer_footer_not_allowed",
     "A limited-time offer has no footer."},
    {Rule::offer_button_not_allowed, "offer_button_not_allowed",
     "The buttons of a limited-time offer are COPY_CODE and URL."},
    {Rule::card_count, "card_count", "A carousel has 2 to 10 cards."},
    {Rule::card_component_not_allowed, "card_component_not_allowed",
     "A card has HEADER, BODY and BUTTONS; beside a carousel stands a BODY only."},
    {Rule::card_header, "card_header", "A card has a header of format IMAGE, VIDEO or PRODUCT."},
    {Rule::card_too_many_buttons, "card_too_many_buttons", "A card has at most 2 buttons."},
    {Rule::card_layout_differs, "card_layout_differs",
     "All cards have the same components, header formats and types of buttons."},
};

constexpr bool
in_order()
{
	std::size_t place = 0;
	for (const RuleText &text : texts)
		if (static_cast<std::size_t>(text.rule) != place++)
			return false;
	return place == rule_count;
}
static_assert(in_order(), "one text a rule, in the order of the rules");

} // namespace

const RuleText &
rule_text(Rule rule) noexcept
{
	return texts[static_cast<std::size_t>(rule)];
}

} // namespace whatsapp
