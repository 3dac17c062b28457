/*
 * market_prefix.cpp — a binary search for each length, the longest first.
 */
#include "core/price/market_prefix.hpp"

#include <algorithm>
#include <string_view>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t longest_prefix = 7;

} // namespace

int
find_market_prefix(const MarketPrefix *prefixes, std::size_t count, const char *phone) noexcept
{
	if (*phone != '+')
		return -1;
	const std::string_view digits(phone + 1);
	for (std::size_t size = std::min(digits.size(), longest_prefix); size > 0; size--) {
		const std::string_view wanted = digits.substr(0, size);
		const MarketPrefix *end = prefixes + count;
		const MarketPrefix *found = std::lower_bound(
		    prefixes, end, wanted,
		    [](const MarketPrefix &one, std::string_view value) { return one.digits < value; });
		if (found != end && found->digits == wanted)
			return static_cast<int>(found - prefixes);
	}
	return -1;
}

} // namespace whatsapp
