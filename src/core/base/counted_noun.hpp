/*
 * counted_noun.hpp — "1 card", "2 cards", for sentences.
 */
#pragma once

#include <cstddef>
#include <string>

namespace whatsapp
{

inline std::string
counted_noun(std::size_t count, const char *noun)
{
	return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

} // namespace whatsapp
