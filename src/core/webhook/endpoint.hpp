/*
 * endpoint.hpp — which of the listener's endpoints a path names.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

enum class Endpoint { none, webhook, health };

/* path: as it was sent, without the query. account: the name behind the webhook's path, a view into
 * path; empty for the path that serves all accounts. */
Endpoint endpoint_of(std::string_view path, std::string_view &account) noexcept;

/* For whoever asks for something else: where webhooks are taken, in a line. */
std::string right_path_text();

} // namespace whatsapp
