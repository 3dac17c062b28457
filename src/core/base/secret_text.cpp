/*
 * secret_text.cpp — a byte order mark, quotes, an assignment, characters that no secret has.
 */
#include "core/base/secret_text.hpp"

#include <algorithm>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

bool
begins(std::string_view text, std::string_view with) noexcept
{
	return text.substr(0, with.size()) == with;
}

/* NAME=value, as in a file of environment variables. A secret may end with "=" (base64), and a
 * verify token may hold it anywhere. */
bool
is_assignment(std::string_view secret, std::string_view text) noexcept
{
	if (begins(text, "export "))
		return true;
	const auto equals = text.find('=');
	if (equals == std::string_view::npos)
		return false;
	const std::string_view name = text.substr(0, equals);
	return begins(name, "WHATSAPP_") || name == secret;
}

bool
is_quoted(std::string_view text) noexcept
{
	return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
	       text.front() == text.back();
}

} // namespace

const char *
secret_text_problem(std::string_view secret, std::string_view text) noexcept
{
	if (text.empty())
		return "is empty";
	if (begins(text, "\xEF\xBB\xBF"))
		return "begins with a byte order mark";
	if (is_assignment(secret, text))
		return "holds an assignment instead of the value alone";
	if (is_quoted(text))
		return "has quotes around the value";
	if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
		return "has more than one line, or a control character";
	/* the verify token is a phrase of the user's own */
	if (secret == "verify_token")
		return nullptr;
	if (text.find(' ') != std::string_view::npos)
		return "has a space within the value";
	if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c > '~'; }))
		return "has a character that is not ASCII";
	return nullptr;
}

} // namespace whatsapp
