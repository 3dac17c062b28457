/*
 * arguments.cpp — the components of a payload against those of the definition, one by one.
 */
#include "core/catalog/arguments.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/counted_noun.hpp"
#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"
#include "core/message/content.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* What is shown of a body, filled in, when something else stands beside it. */
constexpr std::size_t max_body_beside_others = 1024;
constexpr std::size_t max_code_characters = 15;
constexpr std::size_t min_product_cards = 2;
constexpr std::size_t max_product_cards = 10;

std::string
lower_word(const json &object, const char *name)
{
	return lower_case_of(text_of(member(object, name)));
}

const json &
list_of(const json &object, const char *name)
{
	static const json none = json::array();
	const json *list = member(object, name);
	return list != nullptr && list->is_array() ? *list : none;
}

/* The text of a parameter of type text, currency or date_time. */
NamedParameter
read_parameter(const json &parameter)
{
	NamedParameter read;
	read.name = text_of(member(parameter, "parameter_name"));
	const std::string type = lower_word(parameter, "type");
	if (type == "text") {
		read.text = text_of(member(parameter, "text"));
	} else if (const json *value = member(parameter, type.c_str())) {
		read.text = text_of(member(*value, "fallback_value"));
	}
	return read;
}

/* The name of a file or a place, the id of a product, else the link. */
std::string
name_of_media(const json &media)
{
	for (const char *name : {"filename", "name", "product_retailer_id"}) {
		std::string text = text_of(member(media, name));
		if (!text.empty())
			return text;
	}
	return text_of(member(media, "link"));
}

void
read_header(const json &component, GivenCard &card)
{
	for (const json &parameter : list_of(component, "parameters")) {
		card.header_type = lower_word(parameter, "type");
		if (card.header_type == "text")
			card.header.push_back(read_parameter(parameter));
		else if (const json *media = member(parameter, card.header_type.c_str()))
			card.header_name = name_of_media(*media);
	}
}

void
read_button(const json &component, GivenCard &card)
{
	GivenButton button;
	const std::string index = text_of(member(component, "index"));
	button.index =
	    index.size() == 1 && is_digit(index[0]) ? static_cast<std::size_t>(index[0] - '0') : 0;
	button.sub_type = lower_word(component, "sub_type");
	button.filled = !list_of(component, "parameters").empty();
	for (const json &parameter : list_of(component, "parameters"))
		for (const char *name : {"text", "coupon_code", "payload"})
			if (member(parameter, name) != nullptr)
				button.text = text_of(member(parameter, name));
	card.buttons.push_back(std::move(button));
}

void
read_component(const json &component, GivenCard &card)
{
	const std::string type = lower_word(component, "type");
	if (type == "header")
		read_header(component, card);
	else if (type == "button")
		read_button(component, card);
	else if (type == "body")
		for (const json &parameter : list_of(component, "parameters"))
			card.body.push_back(read_parameter(parameter));
}

} // namespace

GivenArguments
read_given_arguments(std::string_view payload)
{
	GivenArguments given;
	const json tree = read_content("payload", payload);
	const json *content = member(tree, "template");
	if (content == nullptr)
		return given;
	for (const json &component : list_of(*content, "components")) {
		read_component(component, given.whole);
		for (const json &card : list_of(component, "cards")) {
			given.cards.emplace_back();
			for (const json &inner : list_of(card, "components"))
				read_component(inner, given.cards.back());
		}
		if (lower_word(component, "type") != "limited_time_offer")
			continue;
		for (const json &parameter : list_of(component, "parameters")) {
			const json *offer = member(parameter, "limited_time_offer");
			const json *ends = offer == nullptr ? nullptr : member(*offer, "expiration_time_ms");
			given.has_offer = ends != nullptr && ends->is_number_integer();
			given.offer_ends_ms = given.has_offer ? ends->get<std::int64_t>() : 0;
		}
	}
	return given;
}

namespace
{

/* The template, and where in it the comparison is, for errors. */
struct Comparison {
	std::string_view name;
	std::string_view language;
	std::string where; /* empty, or "card 1 " */

	[[noreturn]] void
	refuse_parameters(const std::string &detail) const
	{
		throw Fault(sqlstate::parameter_mismatch,
		            "parameters do not match template " + quote_name(name) + " in language " +
		                quote_name(language),
		            detail, "See it with SELECT components FROM whatsapp_templates.");
	}
};

std::string
were_given(std::size_t count)
{
	return std::to_string(count) + (count == 1 ? " was given." : " were given.");
}

bool
is_named(const TemplateText &text)
{
	return !text.placeholders.empty() && text.placeholders[0][0] > '9';
}

void
check_texts(const Comparison &comparison, const char *component, const TemplateText &wanted,
            const std::vector<NamedParameter> &given)
{
	const std::string label = "The " + comparison.where + component;
	const bool named = is_named(wanted);
	const auto is_given = [&](const std::string &name) {
		return std::any_of(given.begin(), given.end(),
		                   [&](const NamedParameter &one) { return one.name == name; });
	};
	if (named)
		for (const std::string &name : wanted.placeholders)
			if (!is_given(name))
				comparison.refuse_parameters(label + " wants a parameter named " +
				                             quote_name(name) + ", which was not given.");
	for (const NamedParameter &one : given) {
		if (one.name.empty() == named && !wanted.placeholders.empty())
			comparison.refuse_parameters(
			    label + (named
			                 ? " wants named parameters, and one without a name was given."
			                 : " wants parameters without names, and one with a name was given."));
		if (named && std::find(wanted.placeholders.begin(), wanted.placeholders.end(), one.name) ==
		                 wanted.placeholders.end())
			comparison.refuse_parameters(label + " has no parameter named " + quote_name(one.name) +
			                             ".");
	}
	if (wanted.placeholders.size() != given.size())
		comparison.refuse_parameters(label + " wants " +
		                             counted_noun(wanted.placeholders.size(), "parameter") +
		                             ", but " + were_given(given.size()));
}

/* The type of a header's parameter, in lower case; empty when it takes none. */
std::string
wanted_header(const TemplateCard &card)
{
	if (card.header_format.empty() || card.header_format == "TEXT")
		return card.header.placeholders.empty() ? "" : "text";
	if (card.header_format == "GIF")
		return "video";
	return lower_case_of(card.header_format);
}

void
check_given_header(const Comparison &comparison, const TemplateCard &wanted, const GivenCard &given)
{
	const std::string type = wanted_header(wanted);
	if (type != given.header_type)
		comparison.refuse_parameters(
		    "The " + comparison.where + "header takes " +
		    (type.empty() ? "nothing" : "a parameter of type " + quote_name(type)) + ", but " +
		    (given.header_type.empty() ? std::string("none")
		                               : "one of type " + quote_name(given.header_type)) +
		    " was given.");
	if (type == "text")
		check_texts(comparison, "header", wanted.header, given.header);
}

/* Which parameter a button of that type takes; required: without it the button is of no use. */
struct ButtonNeed {
	const char *type;
	const char *sub_type;
	bool required;
};
constexpr ButtonNeed button_needs[] = {{"QUICK_REPLY", "quick_reply", false},
                                       {"COPY_CODE", "copy_code", true},
                                       {"FLOW", "flow", false},
                                       {"CATALOG", "catalog", false},
                                       {"MPM", "mpm", true},
                                       {"VOICE_CALL", "voice_call", false}};

ButtonNeed
need_of(const TemplateButton &button)
{
	if (button.code)
		return {"OTP", "url", true};
	if (button.type == "URL")
		return {"URL", button.variable ? "url" : "", button.variable};
	for (const ButtonNeed &need : button_needs)
		if (button.type == need.type)
			return need;
	return {"", "", false};
}

void
check_given_buttons(const Comparison &comparison, const TemplateCard &wanted,
                    const GivenCard &given)
{
	for (const GivenButton &button : given.buttons) {
		const std::string label = comparison.where + "button " + std::to_string(button.index);
		if (button.index >= wanted.buttons.size())
			comparison.refuse_parameters("There is no " + label + ": the template has " +
			                             counted_noun(wanted.buttons.size(), "button") + ".");
		const TemplateButton &its = wanted.buttons[button.index];
		if (button.sub_type != need_of(its).sub_type)
			comparison.refuse_parameters(
			    "The " + label + " is of type " + quote_name(its.type) +
			    (its.type == "URL" && !its.variable ? " without a variable" : "") +
			    ", and a parameter for " + quote_name(button.sub_type) + " was given.");
	}
	for (std::size_t i = 0; i < wanted.buttons.size(); i++)
		if (need_of(wanted.buttons[i]).required &&
		    std::none_of(given.buttons.begin(), given.buttons.end(),
		                 [i](const GivenButton &one) { return one.index == i && one.filled; }))
			comparison.refuse_parameters("The " + comparison.where + "button " + std::to_string(i) +
			                             " wants a parameter for " +
			                             quote_name(need_of(wanted.buttons[i]).sub_type) +
			                             ", which was not given.");
}

/* The template shows its code twice, and both are the same. */
void
check_given_code(const Comparison &comparison, const GivenCard &given)
{
	const std::string code = given.body.empty() ? std::string() : given.body[0].text;
	for (const GivenButton &button : given.buttons)
		if (!given.body.empty() && button.text != code)
			comparison.refuse_parameters(
			    "The one-time code in the button is another one than in the body.");
	if (count_characters(code) > max_code_characters)
		comparison.refuse_parameters(
		    "The one-time code has " + counted_noun(count_characters(code), "character") +
		    ", and at most " + std::to_string(max_code_characters) + " are possible.");
}

/* How many characters the text has when its placeholders are filled in; one may stand in it more
 * than once. */
std::size_t
filled_length(const TemplateText &text, const std::vector<NamedParameter> &given)
{
	std::size_t length = count_characters(text.text);
	for (const FoundPlaceholder &one : scan_placeholders(text.text))
		for (std::size_t i = 0; i < text.placeholders.size() && i < given.size(); i++) {
			const NamedParameter *value = &given[i];
			for (const NamedParameter &named : given)
				if (named.name == text.placeholders[i])
					value = &named;
			if (text.placeholders[i] == one.name)
				length += count_characters(value->text) - (one.end - one.begin);
		}
	return length;
}

void
check_filled_body(const TemplateDefinition &definition, const GivenCard &given)
{
	const TemplateCard &whole = definition.whole;
	const bool alone = whole.header_format.empty() && definition.footer.empty() &&
	                   whole.buttons.empty() && definition.cards.empty() && !definition.has_offer;
	if (alone || given.body.empty())
		return;
	const std::size_t length = filled_length(whole.body, given.body);
	if (length > max_body_beside_others)
		throw Fault(sqlstate::text_too_long, "body is too long",
		            "With its parameters it has " + counted_noun(length, "character") +
		                ", and beside a header, a footer or buttons the platform takes " +
		                std::to_string(max_body_beside_others) + ".");
}

void
check_given_card(const Comparison &comparison, const TemplateCard &wanted, const GivenCard &given)
{
	check_given_header(comparison, wanted, given);
	/* Meta writes the text of a template for one-time codes; it is not known here before the
	 * template has been read from Meta */
	if (!wanted.body.text.empty() || !given.body.empty()) {
		const bool unread_code =
		    wanted.body.text.empty() && !wanted.buttons.empty() && wanted.buttons[0].code;
		if (!unread_code)
			check_texts(comparison, "body", wanted.body, given.body);
	}
	check_given_buttons(comparison, wanted, given);
	if (!wanted.buttons.empty() && wanted.buttons[0].code)
		check_given_code(comparison, given);
}

/* Cards of products are alike: two are approved, and a message has as many as it wants. */
void
check_given_cards(const TemplateDefinition &definition, const GivenArguments &given,
                  const Comparison &whole)
{
	const std::size_t count = given.cards.size();
	if (has_product_cards(definition)) {
		if (count < min_product_cards || count > max_product_cards)
			whole.refuse_parameters("The template takes " + std::to_string(min_product_cards) +
			                        " to " + counted_noun(max_product_cards, "card") +
			                        " of products, but " + were_given(count));
	} else if (definition.cards.size() != count) {
		whole.refuse_parameters("The template has " +
		                        counted_noun(definition.cards.size(), "card") + ", but " +
		                        were_given(count));
	}
	for (std::size_t i = 0; i < count; i++)
		check_given_card({whole.name, whole.language, "card " + std::to_string(i) + " "},
		                 card_of(definition, i), given.cards[i]);
}

} // namespace

bool
has_product_cards(const TemplateDefinition &definition) noexcept
{
	return !definition.cards.empty() && definition.cards.front().header_format == "PRODUCT";
}

const TemplateCard &
card_of(const TemplateDefinition &definition, std::size_t place)
{
	return definition.cards.at(has_product_cards(definition) ? 0 : place);
}

void
check_given_arguments(const TemplateDefinition &definition, const GivenArguments &given,
                      std::string_view name, std::string_view language)
{
	const Comparison whole = {name, language, ""};
	check_given_card(whole, definition.whole, given.whole);
	if (definition.offer_expires && !given.has_offer)
		whole.refuse_parameters("The limited-time offer wants a time at which it ends.");
	if (given.has_offer && !definition.has_offer)
		whole.refuse_parameters("The template has no limited-time offer.");
	check_given_cards(definition, given, whole);
	check_filled_body(definition, given.whole);
}

} // namespace whatsapp
