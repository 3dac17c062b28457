/*
 * credentials.cpp — a cache of a second in front of pg/server/secrets.
 */
#include "entry/graph/credentials.hpp"

#include <cstring>

#include "pg/server/clock.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t max_age_ms = 1000;

/* Files below whatsapp.secret_dir; only the default account has the environment, too. */
std::string
missing_token_hint(const std::string &account)
{
	if (!account.empty())
		return "Put it into the file " + account + "/access_token in whatsapp.secret_dir.";
	return "Put it into the file access_token in whatsapp.secret_dir, or into the environment "
	       "variable WHATSAPP_ACCESS_TOKEN of the server.";
}

} // namespace

Token::~Token()
{
	explicit_bzero(text_.data(), text_.size());
}

void
Credentials::read_secrets(const std::string &account, AccountSecrets &secrets)
{
	const char *folder = account.empty() ? nullptr : account.c_str();
	pg::Secret secret;
	pg::read_secret(folder, "access_token", secret);
	const std::string_view text(secret.bytes, secret.length);
	secrets.token_problem = secret.problem;
	if (text.empty())
		secrets.token.reset();
	else if (!secrets.token || secrets.token->text() != text)
		secrets.token = std::make_shared<const Token>(text);
	pg::read_secret(folder, "phone_number_id", secret);
	secrets.phone_number_id.assign(secret.bytes, secret.length);
	pg::wipe_secret(secret);
	secrets.read_at = pg::monotonic_ms();
}

/* Files are small and the page cache holds them: a rotated token is in use within a second, without
 * any signal. */
Credentials::AccountSecrets &
Credentials::find_secrets(const std::string &account)
{
	AccountSecrets &found = by_account_[account];
	if (found.read_at == 0 || pg::monotonic_ms() - found.read_at > max_age_ms)
		read_secrets(account, found);
	return found;
}

std::shared_ptr<const Token>
Credentials::find_token(const std::string &account, Shortcoming &why)
{
	const AccountSecrets &secrets = find_secrets(account);
	if (!secrets.token_problem.empty())
		why = {
		    secrets.token_problem,
		    "The file must be a regular one of at most 4 kB, owned by the server's user or root, and "
		    "writable by its owner only."};
	else if (!secrets.token)
		why = {"no access token is set", missing_token_hint(account)};
	else
		return secrets.token;
	return nullptr;
}

std::string_view
Credentials::find_phone_number_id(const std::string &account)
{
	return find_secrets(account).phone_number_id;
}

void
Credentials::expire_secrets() noexcept
{
	for (auto &entry : by_account_)
		entry.second.read_at = 0;
}

void
Credentials::refresh_secrets()
{
	const std::int64_t now = pg::monotonic_ms();
	for (auto &entry : by_account_)
		if (now - entry.second.read_at > max_age_ms / 2)
			read_secrets(entry.first, entry.second);
}

} // namespace whatsapp::entry
