/*
 * market_prefix.hpp — the market of a phone number by its longest known beginning, without a
 * statement: whatsapp_markets, read once.
 */
#pragma once

#include <cstddef>

namespace whatsapp
{

/* Plain, since it lies in the server's memory. */
struct MarketPrefix {
	const char *digits; /* a phone without +, up to seven of them */
	int market;
};

/* The index of the prefix that counts, -1 when none does. prefixes: in order of digits, each once.
 * phone: with +. */
int find_market_prefix(const MarketPrefix *prefixes, std::size_t count, const char *phone) noexcept;

} // namespace whatsapp
