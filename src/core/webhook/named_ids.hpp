/*
 * named_ids.hpp — of which accounts and numbers a body seems to speak, before anything is known to
 * be true.
 *
 * One URL may serve hundreds of apps, each with a secret, and to try them all with a body of 3 MB
 * takes seconds. The ids in it tell which secret to try first. Nobody gains by wrong ids: the
 * signature must match all the same, and only some secrets are tried (entry/listener/keyring.cpp).
 */
#pragma once

#include <cstddef>
#include <string_view>

namespace whatsapp
{

/* Views into the body, each one once. */
struct NamedIds {
	static constexpr std::size_t max_count = 8;
	std::string_view ids[max_count];
	std::size_t count = 0;
};

/* Looks at the first 64 kB, for digits behind "id" and "phone_number_id". No JSON is parsed. */
NamedIds find_named_ids(std::string_view body) noexcept;

} // namespace whatsapp
