/*
 * page_text.cpp — numbers without an exponent, spans in the unit that people would say.
 */
#include "core/page/page_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double day_s = 86400;

} // namespace

std::string
escape_html(std::string_view text)
{
	std::string out;
	for (const char c : text)
		switch (c) {
		case '&':
			out += "&amp;";
			break;
		case '<':
			out += "&lt;";
			break;
		case '>':
			out += "&gt;";
			break;
		case '"':
			out += "&quot;";
			break;
		default:
			out += c;
		}
	return out;
}

std::string
show_number(double value, int digits)
{
	char text[400];
	const auto end =
	    std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
	return {text, end.ptr};
}

std::string
show_count(std::uint64_t value)
{
	std::string digits = std::to_string(value);
	for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
		digits.insert(static_cast<std::size_t>(at), ",");
	return digits;
}

std::string
show_span(double seconds)
{
	if (seconds < 1)
		return show_number(seconds * 1000) + " ms";
	if (seconds < 120)
		return show_number(seconds, 1) + " s";
	if (seconds < 7200)
		return show_number(seconds / 60) + " min";
	if (seconds < 2 * day_s)
		return show_number(seconds / 3600) + " h";
	return show_number(seconds / day_s) + " days";
}

std::string
show_ago(double at, double now)
{
	return at <= 0 ? "never" : show_span(std::max(now - at, 0.0)) + " ago";
}

/* Days since 1970 as a date: Howard Hinnant's days_from_civil, the other way round. */
std::string
show_day(std::int64_t day)
{
	const std::int64_t z = day + 719468;
	const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	const std::int64_t doe = z - era * 146097;
	const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	const std::int64_t mp = (5 * doy + 2) / 153;
	const std::int64_t d = doy - (153 * mp + 2) / 5 + 1;
	const std::int64_t m = mp < 10 ? mp + 3 : mp - 9;
	const std::int64_t y = yoe + era * 400 + (m <= 2 ? 1 : 0);
	const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
	return std::to_string(y) + "-" + two(m) + "-" + two(d);
}

} // namespace whatsapp
