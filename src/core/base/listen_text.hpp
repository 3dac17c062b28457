/*
 * listen_text.hpp — whether an address of whatsapp.listen is well formed; net/server/listen_address
 * opens it.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* host:port with a numeric host or localhost, [v6]:port, or the absolute path of a unix socket. */
bool listen_address_formed(std::string_view address) noexcept;

/* True when only this machine can reach a well-formed address. */
bool listen_address_is_loopback(std::string_view address) noexcept;

} // namespace whatsapp
