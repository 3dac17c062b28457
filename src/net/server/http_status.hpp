/*
 * http_status.hpp — the status codes by which the server refuses by itself (RFC 9110 and 6585).
 */
#pragma once

namespace whatsapp::net
{

inline constexpr unsigned bad_request = 400;
inline constexpr unsigned content_too_large = 413;
inline constexpr unsigned headers_too_large = 431;
inline constexpr unsigned unavailable = 503;

} // namespace whatsapp::net
