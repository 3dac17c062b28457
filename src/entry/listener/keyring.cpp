/*
 * keyring.cpp — which secret is whose.
 */
#include "entry/listener/keyring.hpp"

#include <algorithm>
#include <utility>

#include "core/webhook/signature.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t max_age_ms = 1000;

std::string_view
view_secret(const pg::Secret &secret) noexcept
{
	return {secret.bytes, secret.length};
}

} // namespace

Keyring::Account::~Account()
{
	pg::wipe_secret(app_secret);
	pg::wipe_secret(app_secret_previous);
	pg::wipe_secret(verify_token);
}

Keyring::~Keyring() = default;

bool
Keyring::stale() const noexcept
{
	return read_at_ == 0 || pg::monotonic_ms() - read_at_ > max_age_ms;
}

void
Keyring::expire() noexcept
{
	read_at_ = 0;
}

void
Keyring::read(const char *const *names, std::size_t count)
{
	app_secrets_.clear(); /* they point into accounts_ */
	accounts_.clear();
	accounts_.push_back(std::make_unique<Account>());
	for (std::size_t i = 0; i < count; i++) {
		accounts_.push_back(std::make_unique<Account>());
		accounts_.back()->name = names[i];
	}
	read_again();
}

void
Keyring::read_again()
{
	read_at_ = pg::monotonic_ms(); /* whatever comes: not again and again */
	app_secrets_.clear();
	problem_.clear();
	if (accounts_.empty())
		accounts_.push_back(std::make_unique<Account>());
	for (const auto &account : accounts_)
		read(*account);
}

void
Keyring::read(Account &account)
{
	const char *name = account.name.empty() ? nullptr : account.name.c_str();
	pg::read_secret(name, "app_secret", account.app_secret);
	pg::read_secret(name, "app_secret_previous", account.app_secret_previous);
	pg::read_secret(name, "verify_token", account.verify_token);
	collect(account.app_secret);
	collect(account.app_secret_previous);
	account.token_digest =
	    account.verify_token.length == 0 ? "" : sha256_hex(view_secret(account.verify_token));
	for (const pg::Secret *secret :
	     {&account.app_secret, &account.app_secret_previous, &account.verify_token})
		if (problem_.empty() && secret->problem[0] != '\0')
			problem_ = account.name.empty()
			               ? secret->problem
			               : std::string(secret->problem) + " (account " + account.name + ")";
}

void
Keyring::collect(const pg::Secret &secret)
{
	if (secret.length == 0)
		return;
	for (const std::string_view known : app_secrets_)
		if (equal_constant_time(known, view_secret(secret)))
			return;
	app_secrets_.push_back(view_secret(secret));
}

const Keyring::Account *
Keyring::find(std::string_view name) const noexcept
{
	for (const auto &account : accounts_)
		if (account->name == name)
			return account.get();
	return nullptr;
}

bool
Keyring::knows(std::string_view account) const noexcept
{
	return account.empty() || find(account) != nullptr;
}

bool
Keyring::signature_matches(std::string_view account, std::string_view signature,
                           std::string_view body) noexcept
{
	using whatsapp::signature_matches;
	if (!account.empty()) {
		const Account *own = find(account);
		return own != nullptr &&
		       (signature_matches(signature, body, view_secret(own->app_secret)) ||
		        signature_matches(signature, body, view_secret(own->app_secret_previous)));
	}
	for (std::string_view &secret : app_secrets_)
		if (signature_matches(signature, body, secret)) {
			std::swap(secret, app_secrets_.front());
			return true;
		}
	return false;
}

bool
Keyring::token_matches(std::string_view account, std::string_view mode,
                       std::string_view token) const noexcept
{
	bool matches = false;
	for (const auto &one : accounts_)
		if (account.empty() || one->name == account)
			matches |= subscription_matches(mode, token, view_secret(one->verify_token));
	return matches;
}

bool
Keyring::digest_matches(std::string_view digest) const noexcept
{
	bool matches = false;
	for (const auto &one : accounts_)
		if (!one->token_digest.empty())
			matches |= equal_constant_time(digest, one->token_digest);
	return matches;
}

} // namespace whatsapp::entry
