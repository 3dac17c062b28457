/*
 * secret_text.cpp — a byte order mark, quotes, an assignment, characters that no secret has.
 */
#include "core/base/secret_text.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* NAME=value, as in a file of environment variables. A "=" alone is no sign of it: a secret may end
 * with one (base64), and a verify token may have one anywhere. */
bool
is_assignment(std::string_view secret, std::string_view text) noexcept
{
	if (begins_with(text, "export "))
		return true;
	const auto equals = text.find('=');
	if (equals == std::string_view::npos)
		return false;
	const std::string_view name = text.substr(0, equals);
	return begins_with(name, "WHATSAPP_") || name == secret;
}

bool
is_quoted(std::string_view text) noexcept
{
	return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
	       text.front() == text.back();
}

/* In small letters, as they stand in Meta's and others' documentation. */
constexpr std::string_view examples[] = {
    "random-secret",   "your_token",      "your-token",        "your_verify_token",
    "my_verify_token", "my-verify-token", "verify_token",      "verify-token",
    "test123",         "changeme",        "change-me",         "password",
    "secret",          "token",           "whatsapp",          "meatyhamhock",
    "happy",           "eaaxxxxx",        "your_app_secret",   "your_access_token",
    "app_secret",      "sandbox-token",   "sandbox-app-secret"};

/* 16 random bytes cannot be guessed. An app secret of Meta's has 32 characters, an access token
 * many more than 20. */
constexpr std::size_t least_token_bytes = 16;
constexpr std::size_t least_app_secret_bytes = 32;
constexpr std::size_t least_access_token_bytes = 20;
constexpr int least_characters = 6;

bool
is_example(std::string_view text) noexcept
{
	return std::any_of(std::begin(examples), std::end(examples),
	                   [text](std::string_view each) { return same_but_for_case(text, each); });
}

int
count_characters(std::string_view text) noexcept
{
	bool seen[256] = {};
	for (const char c : text)
		seen[static_cast<unsigned char>(c)] = true;
	return static_cast<int>(std::count(std::begin(seen), std::end(seen), true));
}

} // namespace

bool
secret_is_weak(std::string_view secret, std::string_view text) noexcept
{
	const std::size_t least = secret == "app_secret"     ? least_app_secret_bytes
	                          : secret == "access_token" ? least_access_token_bytes
	                                                     : least_token_bytes;
	return text.size() < least || is_example(text) || count_characters(text) < least_characters;
}

const char *
secret_text_problem(std::string_view secret, std::string_view text) noexcept
{
	if (text.empty())
		return "is empty";
	if (begins_with(text, "\xEF\xBB\xBF"))
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
