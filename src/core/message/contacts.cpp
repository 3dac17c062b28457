/*
 * contacts.cpp — cards of people, as the Cloud API takes them.
 */
#include "core/base/json_tree.hpp"

#include "core/base/ascii.hpp"
#include "core/message/content.hpp"
#include "core/message/content_types.hpp"
#include "core/message/free_form.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_list = 100;
constexpr std::size_t max_card_characters = 1000; /* Meta publishes no limit for a card's texts */

/* The object has only members of these names, and each that it has is a text of at most
 * max_card_characters. */
void
check_texts(const ContentNode &node, const std::vector<const char *> &names)
{
	node.expect_members(names);
	for (const char *name : names)
		if (const auto text = node.optional_member(name); text && text->value() != "")
			(void)text->required_text(max_card_characters);
}

void
check_name(const ContentNode &name)
{
	static const std::vector<const char *> parts = {"first_name", "last_name", "middle_name",
	                                                "prefix", "suffix"};
	std::vector<const char *> members = parts;
	members.push_back("formatted_name");
	check_texts(name, members);
	(void)name.required_member("formatted_name").required_text(max_card_characters);
	for (const char *part : parts)
		if (const auto text = name.optional_member(part); text && text->value() != "")
			return;
	refuse_content(name.path() + " has only a formatted name",
	               "The platform requires one more part of it, such as first_name.");
}

void
check_list(const ContentNode &card, const char *name, const std::vector<const char *> &members)
{
	if (const auto list = card.optional_member(name))
		for (const ContentNode &one : list->elements(0, max_list))
			check_texts(one, members);
}

void
check_birthday(const ContentNode &birthday)
{
	const std::string day = birthday.required_text(max_card_characters);
	bool good = day.size() == 10;
	for (std::size_t i = 0; good && i < day.size(); i++)
		good = i == 4 || i == 7 ? day[i] == '-' : is_digit(day[i]);
	if (!good)
		refuse_content(birthday.path() + " is not a date", "It must be written as 1990-01-31.");
}

} // namespace

void
check_contacts_content(const ContentNode &contacts)
{
	for (const ContentNode &card : contacts.elements(1, max_contacts)) {
		card.expect_members({"name", "phones", "emails", "urls", "addresses", "org", "birthday"});
		check_name(card.required_member("name"));
		check_list(card, "phones", {"phone", "type", "wa_id"});
		check_list(card, "emails", {"email", "type"});
		check_list(card, "urls", {"url", "type"});
		check_list(card, "addresses",
		           {"street", "city", "state", "zip", "country", "country_code", "type"});
		if (const auto org = card.optional_member("org"))
			check_texts(*org, {"company", "department", "title"});
		if (const auto birthday = card.optional_member("birthday"))
			check_birthday(*birthday);
	}
}

} // namespace whatsapp
