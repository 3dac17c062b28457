/*
 * component_check.cpp — what all checks of a definition share: members and their types.
 */
#include "core/catalog/component_check.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/counted_noun.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/placeholders.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* NULL for a member that is absent, or null. */
const json *
present_member(const json &object, const char *name, const FindingPlace &place, Need need)
{
	const auto found = object.find(name);
	if (found != object.end() && !found->is_null())
		return &*found;
	if (need == Need::required)
		place.note_finding(Rule::missing_member, std::string("\"") + name + "\" is missing.");
	return nullptr;
}

void
capitalise_word(std::string &word)
{
	for (char &c : word)
		c = to_upper(c);
}

} // namespace

bool
is_object(const json &value, const FindingPlace &place)
{
	if (!value.is_object())
		place.note_finding(Rule::wrong_type, "It must be a JSON object.");
	return value.is_object();
}

void
expect_members(const json &object, const FindingPlace &place,
               std::initializer_list<const char *> names)
{
	for (const auto &[name, value] : object.items())
		if (std::none_of(names.begin(), names.end(),
		                 [&wanted = name](const char *known) { return wanted == known; })) {
			std::string list;
			for (const char *known : names)
				list += (list.empty() ? "" : ", ") + std::string(known);
			place.note_finding(Rule::unknown_member, "The member " + quote_name(name) +
			                                             " is not known; the members are " + list +
			                                             ".");
		}
}

const std::string *
text_member(const json &object, const char *name, const FindingPlace &place, Need need)
{
	const json *value = present_member(object, name, place, need);
	if (value == nullptr)
		return nullptr;
	if (!value->is_string()) {
		place.note_finding(Rule::wrong_type,
		                   std::string("\"") + name + "\" must be a JSON string.");
		return nullptr;
	}
	return value->get_ptr<const std::string *>();
}

const json *
list_member(const json &object, const char *name, const FindingPlace &place, Need need)
{
	const json *value = present_member(object, name, place, need);
	if (value == nullptr)
		return nullptr;
	if (!value->is_array()) {
		place.note_finding(Rule::wrong_type, std::string("\"") + name + "\" must be a JSON array.");
		return nullptr;
	}
	return value;
}

std::string
word_member(const json &object, const char *name, const FindingPlace &place, Need need)
{
	const std::string *text = text_member(object, name, place, need);
	std::string word = text == nullptr ? std::string() : *text;
	capitalise_word(word);
	return word;
}

std::string
type_of(const json &object)
{
	if (!object.is_object())
		return {};
	const auto found = object.find("type");
	std::string word =
	    found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
	capitalise_word(word);
	return word;
}

void
check_length(const std::string &text, std::size_t most, Rule rule, const FindingPlace &place,
             const char *what)
{
	const std::size_t characters = count_characters(text);
	if (characters > most)
		place.note_finding(rule,
		                   std::string(what) + " has " + counted_noun(characters, "character") +
		                       ", and at most " + std::to_string(most) + " are possible.",
		                   most + 1);
}

} // namespace whatsapp
