/*
 * limits.cpp — the refusal of a text that is too long.
 */
#include "core/message/limits.hpp"

#include <string>

#include "core/base/fault.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

void
check_text_limit(const TextLimit &limit, std::string_view text)
{
	if (text.size() > limit.bytes)
		throw Fault(sqlstate::text_too_long,
		            "value of \"" + std::string(limit.field) + "\" is too long",
		            "\"" + std::string(limit.field) + "\" has " + std::to_string(text.size()) +
		                " bytes, and at most " + std::to_string(limit.bytes) + " are possible.");
}

} // namespace whatsapp
