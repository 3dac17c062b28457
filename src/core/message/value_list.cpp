/*
 * value_list.cpp — whole values only: half of an order's number is another order's number.
 */
#include "core/message/value_list.hpp"

#include <algorithm>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

std::size_t
count_characters(std::string_view text) noexcept
{
	std::size_t count = 0;
	for (const char byte : text)
		count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
	return count;
}

struct Phrase {
	std::string_view language;
	std::string_view before;
	std::string_view after;
};

constexpr Phrase phrases[] = {
    {"ca", "i ", " més"},   {"de", "und ", " weitere"}, {"en", "and ", " more"},
    {"es", "y ", " más"},   {"fr", "et ", " de plus"},  {"gl", "e ", " máis"},
    {"it", "e altri ", ""}, {"nl", "en nog ", ""},      {"pt", "e mais ", ""}};

std::string
tell_rest(std::size_t rest, std::string_view language)
{
	const std::string number = std::to_string(rest);
	for (const Phrase &phrase : phrases)
		if (language.substr(0, 2) == phrase.language &&
		    (language.size() == 2 || language[2] == '_'))
			return " … " + std::string(phrase.before) + number + std::string(phrase.after);
	return " … +" + number;
}

} // namespace

std::size_t
room_for_list(const std::vector<std::string_view> &single, std::size_t lists)
{
	constexpr std::size_t least = 60;
	std::size_t taken = 0;
	for (const std::string_view value : single)
		taken += count_characters(value);
	const std::size_t left = taken < longest_value_list ? longest_value_list - taken : 0;
	return std::max(least, lists == 0 ? left : left / lists);
}

std::string
join_values(const std::vector<std::string_view> &values, std::size_t total,
            std::string_view separator, std::string_view language, std::size_t most_characters)
{
	std::string list;
	std::string kept; /* the longest beginning that has room for the rest to be told */
	std::size_t length = 0;
	bool any_kept = false;
	for (std::size_t i = 0; i < values.size(); i++) {
		if (i > 0)
			length += count_characters(separator);
		length += count_characters(values[i]);
		if (i > 0 && length > most_characters)
			break;
		if (i > 0)
			list += separator;
		list += values[i];
		if (i + 1 == total)
			return list;
		const std::string rest = tell_rest(total - i - 1, language);
		if (!any_kept || length + count_characters(rest) <= most_characters)
			kept = list + rest;
		any_kept = true;
	}
	return kept;
}

} // namespace whatsapp
