/*
 * acceptance.hpp — the answer that nearly every request gets, read in one pass and without a tree.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

/* Ids go into indexed columns, whose entries end at some 2,700 bytes. */
inline constexpr std::size_t max_stored_id_bytes = 1024;

/* Members of messages[0] and contacts[0]; empty for what is not there. */
struct Acceptance {
	std::string wamid;
	std::string message_status;
	std::string wa_id;
	std::string user_id;
};

/* True: the body is JSON of the common shape, with a message id. False says nothing: the body may
 * still be an acceptance of some other shape. */
bool read_acceptance(std::string_view body, Acceptance &acceptance);

} // namespace whatsapp
