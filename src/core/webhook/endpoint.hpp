/*
 * endpoint.hpp — which of the listener's endpoints a path names.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

enum class Endpoint { none, webhook, health };

/* path: decoded, without the query. account: the name behind the webhook's path, a view into path;
 * empty for the path that serves all accounts. */
Endpoint endpoint_of(std::string_view path, std::string_view &account) noexcept;

} // namespace whatsapp
