/*
 * definition_check.cpp — a definition as a whole: name, language, category, and which components
 * stand side by side.
 */
#include "core/catalog/definition_check.hpp"

#include <cstdint>
#include <set>

#include "core/base/counted_noun.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/message/content.hpp"
#include "core/message/template.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_body = 1024;
constexpr std::size_t max_offer_body = 600;
constexpr std::size_t max_product_body = 160;

void
check_name(const json &definition, const FindingPlace &place)
{
	const std::string *name = text_member(definition, "name", place);
	if (name == nullptr)
		return;
	if (name->size() > max_template_name)
		return check_length(*name, max_template_name, Rule::name_too_long, place, "The name");
	try {
		check_template_name(*name);
	} catch (const Fault &) {
		place.note_finding(Rule::name_invalid, "The name is " + quote_name(*name) + ".");
	}
}

void
check_language_member(const json &definition, const FindingPlace &place)
{
	const std::string *language = text_member(definition, "language", place);
	if (language == nullptr)
		return;
	try {
		check_language(*language);
	} catch (const Fault &) {
		place.note_finding(Rule::language_invalid,
		                   "The language is " + quote_name(*language) + ".");
	}
}

void
check_lifetime(const json &definition, const FindingPlace &place, const std::string &category)
{
	static constexpr struct {
		const char *category;
		std::int64_t least, most;
		bool unlimited; /* -1 */
	} spans[] = {{"AUTHENTICATION", 30, 900, true},
	             {"UTILITY", 30, 43200, true},
	             {"MARKETING", 43200, 2592000, false}};
	const auto seconds = definition.find("message_send_ttl_seconds");
	if (seconds == definition.end() || seconds->is_null())
		return;
	if (!seconds->is_number_integer())
		return place.note_finding(Rule::wrong_type,
		                          "\"message_send_ttl_seconds\" must be an integer.");
	for (const auto &span : spans)
		if (category == span.category && !(span.unlimited && *seconds == -1) &&
		    (*seconds < span.least || *seconds > span.most))
			place.note_finding(Rule::ttl_out_of_range, "It is " + seconds->dump() + ".");
}

TemplateTraits
read_traits(const json &definition, const FindingPlace &whole)
{
	TemplateTraits traits;
	const FindingPlace category = whole.part("category");
	traits.category = word_member(definition, "category", category);
	if (!traits.category.empty() && traits.category != "AUTHENTICATION" &&
	    traits.category != "MARKETING" && traits.category != "UTILITY")
		category.note_finding(Rule::category_unknown,
		                      "The category " + quote_name(traits.category) + " is not known.");
	const FindingPlace place = whole.part("parameter_format");
	const std::string format = word_member(definition, "parameter_format", place, Need::optional);
	traits.named = format == "NAMED";
	if (!format.empty() && !traits.named && format != "POSITIONAL")
		place.note_finding(Rule::parameter_format_unknown,
		                   "The format " + quote_name(format) + " is not known.");
	return traits;
}

/* Each type must be known and may stand once. Sets what the types tell about the whole. */
void
check_types(const json &components, const FindingPlace &place, TemplateTraits &traits)
{
	std::set<std::string> seen;
	for (const json &component : components) {
		if (!is_object(component, place))
			continue;
		const std::string type = word_member(component, "type", place);
		static const std::set<std::string> known = {"HEADER",
		                                            "BODY",
		                                            "FOOTER",
		                                            "BUTTONS",
		                                            "LIMITED_TIME_OFFER",
		                                            "CAROUSEL",
		                                            "CALL_PERMISSION_REQUEST"};
		if (type.empty())
			continue;
		if (known.count(type) == 0)
			place.note_finding(Rule::component_unknown,
			                   "The type " + quote_name(type) + " is not known.");
		else if (!seen.insert(type).second)
			place.note_finding(Rule::component_repeated, "There is more than one " + type + ".");
		const auto format = component.find("format");
		traits.product = traits.product || (type == "HEADER" && format != component.end() &&
		                                    type_of({{"type", *format}}) == "PRODUCT");
	}
	traits.offer = seen.count("LIMITED_TIME_OFFER") != 0;
	traits.carousel = seen.count("CAROUSEL") != 0;
	if (seen.count("BODY") == 0)
		place.note_finding(Rule::body_missing, "There is no BODY.");
}

void
check_body_of(const json &body, const FindingPlace &place, const TemplateTraits &traits)
{
	if (traits.offer)
		check_body(body, place, traits, max_offer_body, Rule::offer_body_too_long);
	else if (traits.product)
		check_body(body, place, traits, max_product_body, Rule::product_body_too_long);
	else
		check_body(body, place, traits, max_body, Rule::body_too_long);
}

void
check_components(const json &components, const FindingPlace &place, TemplateTraits &traits)
{
	check_types(components, place, traits);
	if (traits.category == "AUTHENTICATION")
		return check_code_components(components, place);
	for (const json &component : components) {
		const std::string type = type_of(component);
		if (type == "HEADER")
			check_header(component, place.part("header"), traits);
		else if (type == "BODY")
			check_body_of(component, place.part("body"), traits);
		else if (type == "FOOTER")
			check_footer(component, place.part("footer"));
		else if (type == "BUTTONS")
			check_buttons(component, place.part("buttons"), traits, "");
	}
	if (traits.offer)
		check_offer(components, place);
	if (traits.carousel)
		check_carousel(components, place, traits);
}

} // namespace

std::vector<Finding>
check_definition(std::string_view definition)
{
	const json tree = read_content("definition", definition);
	std::vector<Finding> findings;
	const FindingPlace whole = {findings, "template"};
	if (!is_object(tree, whole))
		return findings;
	expect_members(tree, whole,
	               {"name", "language", "category", "parameter_format", "components",
	                "message_send_ttl_seconds"});
	check_name(tree, whole.part("name"));
	check_language_member(tree, whole.part("language"));
	TemplateTraits traits = read_traits(tree, whole);
	check_lifetime(tree, whole.part("message_send_ttl_seconds"), traits.category);
	if (const json *components = list_member(tree, "components", whole))
		check_components(*components, whole, traits);
	return findings;
}

void
require_definition(std::string_view definition)
{
	const std::vector<Finding> findings = check_definition(definition);
	if (findings.empty())
		return;
	const Finding &first = findings.front();
	throw Fault(sqlstate::definition_refused,
	            "template definition breaks rule " + quote_name(rule_text(first.rule).name),
	            "In " + quote_name(first.component) +
	                (first.position == 0 ? std::string()
	                                     : " at character " + std::to_string(first.position)) +
	                ": " + first.message +
	                (findings.size() == 1
	                     ? std::string()
	                     : " There are " + counted_noun(findings.size(), "finding") + " in all."),
	            rule_text(first.rule).meaning + std::string(" See wa_template_check()."));
}

} // namespace whatsapp
