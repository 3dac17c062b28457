/*
 * rate.cpp — digits are moved and counted up, never computed: no binary fraction knows 0.1.
 */
#include "core/price/rate.hpp"

#include <charconv>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

std::string_view
take_digits(std::string_view &rest) noexcept
{
	std::size_t count = 0;
	while (count < rest.size() && is_digit(rest[count]))
		count++;
	const std::string_view digits = rest.substr(0, count);
	rest.remove_prefix(count);
	return digits;
}

/* Reads "E-4" or "e+02". An empty text is right, too: then there is no exponent. False for anything
 * else. */
bool
read_exponent(std::string_view rest, int &exponent) noexcept
{
	if (rest.empty())
		return true;
	if (rest.front() != 'E' && rest.front() != 'e')
		return false;
	rest.remove_prefix(1);
	if (!rest.empty() && rest.front() == '+') {
		rest.remove_prefix(1);
		if (!rest.empty() && rest.front() == '-')
			return false;
	}
	const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
	return error == std::errc() && end == rest.data() + rest.size() && exponent > -100 &&
	       exponent < 100;
}

void
trim_zeros(std::string &whole, std::string &fraction)
{
	while (!fraction.empty() && fraction.back() == '0')
		fraction.pop_back();
	const std::size_t first = whole.find_first_not_of('0');
	whole.erase(0, first == std::string::npos ? whole.size() : first);
}

/* The digits before and behind the point; false for what is no number, or has a sign. */
bool
read_digits(std::string_view printed, std::string &whole, std::string &fraction)
{
	constexpr std::size_t longest = 64;
	if (printed.size() > longest)
		return false;
	whole = take_digits(printed);
	if (!printed.empty() && printed.front() == '.') {
		printed.remove_prefix(1);
		fraction = take_digits(printed);
	}
	int exponent = 0;
	if ((whole.empty() && fraction.empty()) || !read_exponent(printed, exponent))
		return false;
	for (; exponent < 0; exponent++) {
		fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
		if (!whole.empty())
			whole.pop_back();
	}
	for (; exponent > 0; exponent--) {
		whole.push_back(fraction.empty() ? '0' : fraction.front());
		if (!fraction.empty())
			fraction.erase(0, 1);
	}
	trim_zeros(whole, fraction);
	return true;
}

/* One more in the last place. */
void
count_up(std::string &digits)
{
	auto digit = digits.rbegin();
	for (; digit != digits.rend() && *digit == '9'; ++digit)
		*digit = '0';
	if (digit == digits.rend())
		digits.insert(digits.begin(), '1');
	else
		++*digit;
}

} // namespace

std::string
read_rate(std::string_view printed)
{
	std::string whole;
	std::string fraction;
	if (!read_digits(printed, whole, fraction) || whole.size() > rate_integer_digits ||
	    fraction.size() > rate_decimals)
		return {};
	if (whole.empty())
		whole = "0";
	return fraction.empty() ? whole : whole + '.' + fraction;
}

std::string
read_amount(std::string_view written)
{
	std::string digits;
	std::string fraction;
	if (!read_digits(written, digits, fraction) || digits.size() > rate_integer_digits)
		return {};
	const bool up = fraction.size() > rate_decimals && fraction[rate_decimals] >= '5';
	fraction.resize(rate_decimals, '0');
	if (digits.empty())
		digits = "0";
	digits += fraction;
	if (up)
		count_up(digits);
	if (digits.size() > rate_integer_digits + rate_decimals)
		return {};
	return digits.insert(digits.size() - rate_decimals, 1, '.');
}

} // namespace whatsapp
