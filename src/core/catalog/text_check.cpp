/*
 * text_check.cpp — header, body and footer: lengths, placeholders and their examples.
 */
#include <algorithm>
#include <set>
#include <string_view>

#include "core/base/counted_noun.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/component_check.hpp"
#include "core/catalog/placeholders.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_header = 60;
constexpr std::size_t max_footer = 60;

using Placeholders = std::vector<FoundPlaceholder>;

void
check_marks(const Placeholders &placeholders, const FindingPlace &place)
{
	for (const FoundPlaceholder &one : placeholders) {
		if (one.kind != PlaceholderKind::malformed)
			continue;
		const bool special = one.name.find_first_of("#$%") != std::string::npos;
		place.note_finding(
		    special ? Rule::placeholder_special_character : Rule::placeholder_malformed,
		    "The placeholder " + quote_name(clip_text(one.name, 40)) +
		        (special ? " has one of # $ %."
		                 : " is not closed, or is neither a number from 1 to 100 nor made "
		                   "of lower-case letters, digits and underscores."),
		    one.position);
	}
}

/* All placeholders are of one kind, and it is the one that parameter_format names. */
void
check_kinds(const Placeholders &placeholders, const FindingPlace &place,
            const TemplateTraits &traits)
{
	const FoundPlaceholder *first = nullptr;
	for (const FoundPlaceholder &one : placeholders) {
		if (one.kind == PlaceholderKind::malformed)
			continue;
		if (first == nullptr)
			first = &one;
		if (one.kind != first->kind)
			return place.note_finding(Rule::placeholders_mixed,
			                          "The text has both {{" + first->name + "}} and {{" +
			                              one.name + "}}.",
			                          one.position);
	}
	if (first != nullptr && (first->kind == PlaceholderKind::named) != traits.named)
		place.note_finding(Rule::placeholder_format,
		                   "The parameter format is " +
		                       std::string(traits.named ? "NAMED" : "POSITIONAL") +
		                       ", and the text has {{" + first->name + "}}.",
		                   first->position);
}

void
check_numbers(const Placeholders &placeholders, const FindingPlace &place)
{
	std::size_t expected = 0;
	for (const std::string &name : placeholder_names(placeholders)) {
		if (name[0] > '9')
			return;
		if (name != std::to_string(++expected)) {
			const auto found =
			    std::find_if(placeholders.begin(), placeholders.end(),
			                 [&](const FoundPlaceholder &one) { return one.name == name; });
			return place.note_finding(Rule::placeholder_gap,
			                          "There is {{" + name + "}}, but no {{" +
			                              std::to_string(expected) + "}}.",
			                          found->position);
		}
	}
}

/* For a body: the platform refuses one that begins or ends with a placeholder, or has too few words
 * around its placeholders. */
void
check_surroundings(const std::string &text, const Placeholders &placeholders,
                   const FindingPlace &place)
{
	if (placeholders.empty())
		return;
	const std::string_view all = text;
	if (!has_visible_text(all.substr(0, placeholders.front().begin)))
		place.note_finding(Rule::placeholder_at_start, "The text begins with a placeholder.",
		                   placeholders.front().position);
	if (!has_visible_text(all.substr(placeholders.back().end)))
		place.note_finding(Rule::placeholder_at_end, "The text ends with a placeholder.",
		                   placeholders.back().position);
	for (std::size_t i = 1; i < placeholders.size(); i++) {
		const std::size_t from = placeholders[i - 1].end;
		if (!has_visible_text(all.substr(from, placeholders[i].begin - from)))
			place.note_finding(Rule::placeholders_adjacent,
			                   "Nothing stands between this placeholder and the one before it.",
			                   placeholders[i].position);
	}
	const std::size_t words = count_words(text, placeholders);
	if (words < 2 * placeholders.size() + 1)
		place.note_finding(Rule::placeholder_ratio,
		                   "The text has " + counted_noun(words, "word") + " beside " +
		                       counted_noun(placeholders.size(), "placeholder") + ", and needs " +
		                       std::to_string(2 * placeholders.size() + 1) + ".");
}

void
check_example_text(const json &example, const FindingPlace &place)
{
	if (!example.is_string())
		place.note_finding(Rule::wrong_type, "An example must be a JSON string.");
	else if (!has_visible_text(example.get_ref<const std::string &>()))
		place.note_finding(Rule::example_empty, "An example is empty.");
}

void
check_count(std::size_t wanted, std::size_t given, const FindingPlace &place)
{
	if (wanted != given)
		place.note_finding(Rule::example_count, "There are " + counted_noun(wanted, "placeholder") +
		                                            " and " + counted_noun(given, "example") + ".");
}

void
check_named_examples(const json &list, const std::vector<std::string> &names,
                     const FindingPlace &place)
{
	std::set<std::string> seen;
	check_count(names.size(), list.size(), place);
	for (const json &one : list) {
		if (!is_object(one, place))
			continue;
		expect_members(one, place, {"param_name", "example"});
		const std::string *name = text_member(one, "param_name", place);
		if (name != nullptr) {
			if (std::find(names.begin(), names.end(), *name) == names.end())
				place.note_finding(Rule::example_name, "The example of " + quote_name(*name) +
				                                           " belongs to no placeholder.");
			else if (!seen.insert(*name).second)
				place.note_finding(Rule::example_name,
				                   "Two examples are of " + quote_name(*name) + ".");
		}
		if (text_member(one, "example", place) != nullptr)
			check_example_text(one["example"], place);
	}
}

/* kind: "header" or "body". */
void
check_examples(const json &component, const std::vector<std::string> &names,
               const FindingPlace &place, const TemplateTraits &traits, const std::string &kind)
{
	const std::string member = kind + (traits.named ? "_text_named_params" : "_text");
	const auto found = component.find("example");
	const bool given = found != component.end() && found->is_object();
	if (found != component.end() && !given && !found->is_null())
		return place.note_finding(Rule::wrong_type, "\"example\" must be a JSON object.");
	if (given)
		expect_members(*found, place,
		               {"header_text", "header_text_named_params", "body_text",
		                "body_text_named_params", "header_handle", "header_url"});
	if (names.empty())
		return;
	if (!given || !found->contains(member))
		return place.note_finding(Rule::example_missing, "\"example." + member + "\" is missing.");
	const json *list = list_member(*found, member.c_str(), place);
	if (list == nullptr)
		return;
	if (traits.named)
		return check_named_examples(*list, names, place);
	/* of a body [["a","b"]]; a flat list is taken, too */
	if (list->size() == 1 && (*list)[0].is_array())
		list = &(*list)[0];
	check_count(names.size(), list->size(), place);
	for (const json &one : *list)
		check_example_text(one, place);
}

/* A pair of signs around something, as in *bold*. A single sign is no markup. */
void
check_markdown(const std::string &text, const FindingPlace &place)
{
	for (const char sign : {'*', '_', '~', '`'}) {
		const std::size_t open = text.find(sign);
		const bool begins_word = open != std::string::npos && (open == 0 || text[open - 1] == ' ');
		if (begins_word && text.find(sign, open + 2) != std::string::npos)
			return place.note_finding(Rule::header_markdown,
			                          std::string("The text has a pair of ") + sign + ".",
			                          count_characters(std::string_view(text).substr(0, open)) + 1);
	}
}

void
check_text_header(const json &header, const FindingPlace &place, const TemplateTraits &traits)
{
	expect_members(header, place, {"type", "format", "text", "example"});
	const std::string *text = text_member(header, "text", place);
	if (text == nullptr)
		return;
	if (!has_visible_text(*text))
		return place.note_finding(Rule::text_empty, "The header has no text.");
	check_length(*text, max_header, Rule::header_too_long, place, "The header");
	check_markdown(*text, place);
	const Placeholders placeholders = scan_placeholders(*text);
	if (placeholders.size() > 1)
		place.note_finding(Rule::header_too_many_placeholders,
		                   "The header has " + counted_noun(placeholders.size(), "placeholder") +
		                       ".",
		                   placeholders[1].position);
	check_marks(placeholders, place);
	check_kinds(placeholders, place, traits);
	check_numbers(placeholders, place);
	check_examples(header, placeholder_names(placeholders), place, traits, "header");
}

void
check_media_header(const json &header, const FindingPlace &place)
{
	const auto example = header.find("example");
	const bool given = example != header.end() && example->is_object();
	const json *handles =
	    given ? list_member(*example, "header_handle", place, Need::optional) : nullptr;
	if (handles == nullptr || handles->size() != 1 || !(*handles)[0].is_string() ||
	    !has_visible_text((*handles)[0].get_ref<const std::string &>()))
		place.note_finding(Rule::header_example_missing,
		                   "\"example.header_handle\" must have one handle of an upload.");
}

} // namespace

void
check_header(const json &header, const FindingPlace &place, const TemplateTraits &traits)
{
	const std::string format = word_member(header, "format", place);
	if (format.empty())
		return;
	if (format == "TEXT")
		return check_text_header(header, place, traits);
	const bool media =
	    format == "IMAGE" || format == "VIDEO" || format == "DOCUMENT" || format == "GIF";
	if (!media && format != "LOCATION" && format != "PRODUCT")
		return place.note_finding(Rule::header_format_unknown,
		                          "The format " + quote_name(format) + " is not known.");
	if (header.contains("text"))
		place.note_finding(Rule::header_text_not_allowed,
		                   "A header of format " + format + " has a text.");
	expect_members(header, place, {"type", "format", "text", "example"});
	if (media)
		check_media_header(header, place);
	if (format == "LOCATION" && traits.category != "UTILITY" && traits.category != "MARKETING")
		place.note_finding(Rule::location_category,
		                   "The category is " + quote_name(traits.category) + ".");
}

void
check_body(const json &body, const FindingPlace &place, const TemplateTraits &traits,
           std::size_t most, Rule too_long)
{
	expect_members(body, place, {"type", "text", "example"});
	const std::string *text = text_member(body, "text", place);
	if (text == nullptr)
		return;
	if (!has_visible_text(*text))
		return place.note_finding(Rule::text_empty, "The body has no text.");
	check_length(*text, most, too_long, place, "The body");
	const Placeholders placeholders = scan_placeholders(*text);
	check_marks(placeholders, place);
	check_kinds(placeholders, place, traits);
	check_numbers(placeholders, place);
	check_surroundings(*text, placeholders, place);
	check_examples(body, placeholder_names(placeholders), place, traits, "body");
}

void
check_footer(const json &footer, const FindingPlace &place)
{
	expect_members(footer, place, {"type", "text"});
	const std::string *text = text_member(footer, "text", place);
	if (text == nullptr)
		return;
	if (!has_visible_text(*text))
		return place.note_finding(Rule::text_empty, "The footer has no text.");
	check_length(*text, max_footer, Rule::footer_too_long, place, "The footer");
	const Placeholders placeholders = scan_placeholders(*text);
	if (!placeholders.empty())
		place.note_finding(Rule::footer_has_placeholder, "The footer has a placeholder.",
		                   placeholders.front().position);
}

} // namespace whatsapp
