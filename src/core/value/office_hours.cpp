/*
 * office_hours.cpp — a small reader; wa_send_window() (sql/parts/72-send_window.sql) reads the same
 * by a regular expression.
 */
#include "core/value/office_hours.hpp"

#include <cstddef>
#include <initializer_list>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::string_view white_space = " \t\n\r\f\v";

struct HoursText {
	std::string_view rest;

	std::size_t
	skip_white_space() noexcept
	{
		const std::size_t before = rest.size();
		const std::size_t first = rest.find_first_not_of(white_space);
		rest.remove_prefix(first == std::string_view::npos ? before : first);
		return before - rest.size();
	}
	bool
	take_letter(char letter) noexcept
	{
		if (rest.empty() || rest.front() != letter)
			return false;
		rest.remove_prefix(1);
		return true;
	}
	bool
	take_day() noexcept
	{
		for (const std::string_view day : {"mon", "tue", "wed", "thu", "fri", "sat", "sun"})
			if (rest.size() >= day.size() && to_lower(rest[0]) == day[0] &&
			    to_lower(rest[1]) == day[1] && to_lower(rest[2]) == day[2]) {
				rest.remove_prefix(day.size());
				return true;
			}
		return false;
	}
	bool
	take_time() noexcept
	{
		if (rest.size() < 5 || !is_digit(rest[0]) || !is_digit(rest[1]) || rest[2] != ':' ||
		    !is_digit(rest[3]) || !is_digit(rest[4]))
			return false;
		const int hour = (rest[0] - '0') * 10 + rest[1] - '0';
		const int minute = (rest[3] - '0') * 10 + rest[4] - '0';
		rest.remove_prefix(5);
		return hour < 24 ? minute < 60 : hour == 24 && minute == 0;
	}
};

} // namespace

bool
valid_office_hours(std::string_view hours) noexcept
{
	HoursText reader = {hours};
	reader.skip_white_space();
	do {
		if (!reader.take_day() || (reader.take_letter('-') && !reader.take_day()) ||
		    reader.skip_white_space() == 0 || !reader.take_time() || !reader.take_letter('-') ||
		    !reader.take_time())
			return false;
		reader.skip_white_space();
		if (reader.rest.empty())
			return true;
		if (!reader.take_letter(','))
			return false;
		reader.skip_white_space();
	} while (!reader.rest.empty());
	return true;
}

bool
looks_like_time_zone(std::string_view text) noexcept
{
	for (const char letter : text)
		if (!is_letter_or_digit(letter) && letter != '_' && letter != '/' && letter != '+' &&
		    letter != '-')
			return false;
	return !text.empty();
}

} // namespace whatsapp
