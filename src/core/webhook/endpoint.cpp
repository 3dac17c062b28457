/*
 * endpoint.cpp — paths are compared byte by byte, nothing decoded: what a proxy in front let
 * through must mean the same here.
 */
#include "core/webhook/endpoint.hpp"

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* The comment above each path is printed by docs/reference/endpoints.md: a line for each request,
 * "- METHODS what-follows-the-path: answer". */

/*
 * - GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…: 200 and the challenge; 403 when the
 *   token differs or none is set.
 * - POST: 200 after the commit; 401 when X-Hub-Signature-256 is missing or wrong; 503 with
 *   Retry-After when it could not be stored.
 * - GET, POST /<account>: the same with the secrets of that account only; 404 for one that is not
 *   in whatsapp_accounts.
 */
constexpr std::string_view webhook_path = "/api/v1/whatsapp/webhook";

/*
 * - GET, HEAD: 200 and ok, as long as the listener runs.
 */
constexpr std::string_view health_path = "/healthz";

constexpr std::size_t longest_name = 63; /* as in whatsapp_accounts */

bool
is_account_name(std::string_view name) noexcept
{
	for (const char c : name)
		if (!(is_letter_or_digit(c) || c == '_' || c == '-'))
			return false;
	return !name.empty() && name.size() <= longest_name;
}

} // namespace

Endpoint
endpoint_of(std::string_view path, std::string_view &account) noexcept
{
	account = {};
	if (path == health_path)
		return Endpoint::health;
	if (path == webhook_path)
		return Endpoint::webhook;
	if (path.size() <= webhook_path.size() || path[webhook_path.size()] != '/' ||
	    path.substr(0, webhook_path.size()) != webhook_path ||
	    !is_account_name(path.substr(webhook_path.size() + 1)))
		return Endpoint::none;
	account = path.substr(webhook_path.size() + 1);
	return Endpoint::webhook;
}

std::string
right_path_text()
{
	return "not found: webhooks are taken at " + std::string(webhook_path) +
	       ", or there followed by a slash and the name of an account\n";
}

} // namespace whatsapp
