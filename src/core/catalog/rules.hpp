/*
 * rules.hpp — what Meta asks of a template's definition, as rules that have names.
 *
 * Sources: Cloud API reference, "Template components" and the error codes of the creation call
 * (2388039 to 2388299). A rule that is broken would come back as such a code, or as a rejection
 * hours later, without the place.
 */
#pragma once

#include <cstddef>

namespace whatsapp
{

/* The order is that of the table in rules.cpp. */
enum class Rule : unsigned char {
	unknown_member,
	wrong_type,
	missing_member,
	name_invalid,
	name_too_long,
	language_invalid,
	category_unknown,
	parameter_format_unknown,
	ttl_out_of_range,
	component_unknown,
	component_repeated,
	body_missing,
	text_empty,
	header_too_long,
	body_too_long,
	footer_too_long,
	offer_body_too_long,
	product_body_too_long,
	card_body_too_long,
	header_format_unknown,
	header_text_not_allowed,
	header_too_many_placeholders,
	header_markdown,
	header_example_missing,
	location_category,
	footer_has_placeholder,
	placeholder_malformed,
	placeholder_special_character,
	placeholder_gap,
	placeholder_at_start,
	placeholder_at_end,
	placeholders_adjacent,
	placeholders_mixed,
	placeholder_format,
	placeholder_ratio,
	example_missing,
	example_count,
	example_name,
	example_empty,
	too_many_buttons,
	no_buttons,
	button_unknown,
	button_order,
	button_text_too_long,
	button_text_fixed,
	too_many_url_buttons,
	too_many_phone_buttons,
	too_many_copy_code_buttons,
	url_invalid,
	url_too_long,
	url_placeholder_not_at_end,
	url_example_missing,
	phone_number_invalid,
	phone_number_too_long,
	copy_code_too_long,
	flow_missing,
	otp_component_not_allowed,
	otp_body_not_allowed,
	otp_footer_not_allowed,
	otp_expiration_out_of_range,
	otp_button_count,
	otp_button_not_allowed,
	otp_type_unknown,
	otp_apps_missing,
	otp_too_many_apps,
	otp_package_name_too_long,
	otp_signature_hash,
	otp_terms_not_accepted,
	offer_text_too_long,
	offer_header,
	offer_footer_not_allowed,
	offer_button_not_allowed,
	card_count,
	card_component_not_allowed,
	card_header,
	card_too_many_buttons,
	card_layout_differs,
};

inline constexpr std::size_t rule_count = static_cast<std::size_t>(Rule::card_layout_differs) + 1;

struct RuleText {
	Rule rule;
	const char *name;
	const char *meaning; /* a sentence */
};

const RuleText &rule_text(Rule rule) noexcept;

} // namespace whatsapp
