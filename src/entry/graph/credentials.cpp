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
constexpr std::int64_t long_ago = -max_age_ms;

/* Files below whatsapp.secret_dir; only the default account has the environment, too. */
std::string
missing_token_hint(const std::string &account)
{
	if (!account.empty())
		return "Put it into the file " + account + "/access_token in whatsapp.secret_dir.";
	return "Put it into the file access_token in whatsapp.secret_dir, or into the environment "
	       "variable WHATSAPP_ACCESS_TOKEN of the server.";
}

constexpr char refused_file_hint[] =
    "The file must be a regular one of at most 4 kB, owned by the server's user or root, writable by "
    "its owner only, in a folder that not everybody can write to, and hold the value alone: no "
    "quotes, no NAME=, no byte order mark.";

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
	const bool first = secrets.read_at == never_read;
	pg::read_secret(folder, "access_token", secret);
	const std::string_view text(secret.bytes, secret.length);
	/* the file may be readable again soon (no file descriptor was left, for instance): until then
	 * the token that was read before counts */
	if (!secret.unreadable || !secrets.token) {
		secrets.token_problem = secret.problem;
		if (text.empty()) {
			secrets.token.reset();
		} else if (!secrets.token || secrets.token->text() != text) {
			secrets.token = std::make_shared<const Token>(text);
			secrets.changed |= !first;
		}
	}
	pg::read_secret(folder, "phone_number_id", secret);
	const std::string_view number(secret.bytes, secret.length);
	if (!secret.unreadable && number != secrets.phone_number_id) {
		secrets.phone_number_id = number;
		secrets.changed |= !first;
	}
	pg::read_secret(folder, "business_account_id", secret);
	if (!secret.unreadable)
		secrets.business_account_id.assign(secret.bytes, secret.length);
	pg::wipe_secret(secret);
	secrets.read_at = pg::monotonic_ms();
}

bool
Credentials::take_change()
{
	const std::int64_t now = pg::monotonic_ms();
	bool changed = false;
	for (auto &entry : by_account_) {
		if (now - entry.second.read_at > max_age_ms)
			read_secrets(entry.first, entry.second);
		changed |= entry.second.changed;
		entry.second.changed = false;
	}
	return changed;
}

/* Files are small and the page cache holds them: a rotated token is in use within a second, without
 * any signal. */
Credentials::AccountSecrets &
Credentials::find_secrets(const std::string &account)
{
	AccountSecrets &found = by_account_[account];
	if (pg::monotonic_ms() - found.read_at > max_age_ms)
		read_secrets(account, found);
	return found;
}

std::shared_ptr<const Token>
Credentials::find_token(const std::string &account, Shortcoming &why)
{
	const AccountSecrets &secrets = find_secrets(account);
	if (!secrets.token_problem.empty())
		why = {secrets.token_problem, refused_file_hint};
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

std::string_view
Credentials::find_business_account_id(const std::string &account)
{
	return find_secrets(account).business_account_id;
}

void
Credentials::expire_secrets() noexcept
{
	for (auto &entry : by_account_)
		entry.second.read_at = long_ago;
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
