/*
 * keyring.cpp — which secret is whose.
 */
#include "entry/listener/keyring.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/webhook/named_ids.hpp"
#include "core/webhook/signature.hpp"
#include "core/webhook/signer.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/worker.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t max_age_ms = 1000;
/* a body is tried with secrets until so much was digested, but with so many of them at least */
constexpr std::size_t max_digested_bytes = 8 << 20;
constexpr std::size_t min_tried_secrets = 4;
constexpr std::size_t max_proven_ids = 10000;

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
Keyring::secrets_are_stale() const noexcept
{
	return read_at_ == 0 || pg::monotonic_ms() - read_at_ > max_age_ms;
}

void
Keyring::expire_secrets() noexcept
{
	read_at_ = 0;
}

void
Keyring::read_secrets(const char *const *names, std::size_t count)
{
	is_complete_ = false;
	app_secrets_.clear(); /* they point into accounts_ */
	signers_.clear();
	std::vector<std::unique_ptr<Account>> before = std::move(accounts_);
	accounts_.clear();
	const auto add_account = [&](std::string_view name) {
		const auto known =
		    std::find_if(before.begin(), before.end(), [&](const std::unique_ptr<Account> &each) {
			    return each != nullptr && each->name == name;
		    });
		if (known != before.end()) {
			accounts_.push_back(std::move(*known));
			return;
		}
		accounts_.push_back(std::make_unique<Account>());
		accounts_.back()->name = name;
	};
	add_account("");
	for (std::size_t i = 0; i < count; i++)
		add_account(names[i]);
	read_secrets_again();
}

void
Keyring::learn_ids(const pg::AccountId *ids, std::size_t count)
{
	std::unordered_map<std::string, std::string> learned;
	for (std::size_t i = 0; i < count; i++)
		learned.emplace(ids[i].id, ids[i].account);
	ids_.swap(learned);
}

void
Keyring::read_secrets_again()
{
	/* set first: after a failure, too, they are not read again at once */
	read_at_ = pg::monotonic_ms();
	is_complete_ = false;
	app_secrets_.clear();
	signers_.clear();
	problem_.clear();
	unsure_ = false;
	if (accounts_.empty())
		accounts_.push_back(std::make_unique<Account>());
	for (const auto &account : accounts_)
		read_account(*account);
	collect_signers();
	is_complete_ = true;
}

void
Keyring::read_secret_of(const Account &account, const char *name, pg::Secret &secret)
{
	pg::Secret now = {};
	pg::read_secret(account.name.empty() ? nullptr : account.name.c_str(), name, now);
	if (!now.unreadable)
		secret = now;
	unsure_ = unsure_ || (now.unreadable && secret.length == 0);
	if (now.unreadable && problem_.empty())
		problem_ = now.problem;
	pg::wipe_secret(now);
}

void
Keyring::read_account(Account &account)
{
	read_secret_of(account, "app_secret", account.app_secret);
	read_secret_of(account, "app_secret_previous", account.app_secret_previous);
	read_secret_of(account, "verify_token", account.verify_token);
	collect_app_secret(account.app_secret);
	collect_app_secret(account.app_secret_previous);
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
Keyring::collect_app_secret(const pg::Secret &secret)
{
	if (secret.length == 0)
		return;
	for (const std::string_view known : app_secrets_)
		if (equal_constant_time(known, view_secret(secret)))
			return;
	app_secrets_.push_back(view_secret(secret));
}

/* An account without an app secret of its own has the one of the default account. One whose file is
 * refused has none. */
bool
Keyring::is_owner(const Account &account, std::string_view secret) const noexcept
{
	const bool has_none = account.app_secret.length == 0 &&
	                      account.app_secret_previous.length == 0 &&
	                      account.app_secret.problem[0] == '\0';
	const Account &owner = has_none ? *accounts_.front() : account;
	return equal_constant_time(secret, view_secret(owner.app_secret)) ||
	       equal_constant_time(secret, view_secret(owner.app_secret_previous));
}

void
Keyring::collect_signers()
{
	for (const std::string_view secret : app_secrets_) {
		SecretOwners names;
		for (const auto &account : accounts_)
			(is_owner(*account, secret) ? names.owners : names.others).push_back(account->name);
		std::string owner = *std::min_element(names.owners.begin(), names.owners.end());
		signers_.push_back({secret, std::move(owner), signed_for(names)});
	}
	/* one secret and no trouble: what it signed counts for every account */
	bool trouble = unsure_;
	for (const auto &account : accounts_)
		trouble = trouble || account->app_secret.problem[0] != '\0';
	if (signers_.size() == 1 && !trouble)
		signers_.front() = {signers_.front().secret, "", ""};
}

const Keyring::Signer *
Keyring::find_signer(std::string_view account, std::string_view signature,
                     std::string_view body) noexcept
{
	if (!signature_matches(account, signature, body))
		return nullptr;
	for (const Signer &signer : signers_)
		if (equal_constant_time(signer.secret, right_secret_))
			return &signer;
	return nullptr;
}

const Keyring::Account *
Keyring::find_account(std::string_view name) const noexcept
{
	for (const auto &account : accounts_)
		if (account->name == name)
			return account.get();
	return nullptr;
}

bool
Keyring::knows_account(std::string_view account) const noexcept
{
	return account.empty() || find_account(account) != nullptr || !is_complete_;
}

/* The time that this takes tells how many secrets were tried. That gives nothing away: it depends
 * on ids that the client wrote into the body. */
bool
Keyring::try_secret(Trial &trial, std::string_view secret)
{
	const std::size_t most = std::max(
	    min_tried_secrets, max_digested_bytes / std::max<std::size_t>(trial.body.size(), 1));
	if (secret.empty() || trial.tried >= most)
		return false;
	for (const std::string_view tried : trial.likely)
		if (equal_constant_time(tried, secret))
			return false;
	trial.tried++;
	digested_ += trial.body.size();
	right_secret_ = secret;
	return whatsapp::signature_matches(trial.signature, trial.body, secret);
}

bool
Keyring::try_account(Trial &trial, const Account &account)
{
	for (const pg::Secret *secret : {&account.app_secret, &account.app_secret_previous}) {
		if (try_secret(trial, view_secret(*secret)))
			return true;
		trial.likely.push_back(view_secret(*secret));
	}
	return false;
}

/* First the accounts that the body names, then the default one, then the one that was right last.
 */
bool
Keyring::try_all(std::string_view signature, std::string_view body)
{
	Trial trial = {signature, body, {}, 0};
	const NamedIds named = app_secrets_.size() > 1 ? find_named_ids(body) : NamedIds();
	for (std::size_t i = 0; i < named.count; i++)
		for (const auto *ids : {&ids_, &proven_ids_}) {
			const auto known = ids->find(std::string(named.ids[i]));
			const Account *account = known == ids->end() ? nullptr : find_account(known->second);
			if (account != nullptr && try_account(trial, *account))
				return true;
		}
	if (try_account(trial, *accounts_.front()))
		return true;
	for (auto secret = app_secrets_.begin(); secret != app_secrets_.end(); ++secret) {
		if (!try_secret(trial, *secret))
			continue;
		const auto owner =
		    std::find_if(accounts_.begin(), accounts_.end(), [&](const auto &account) {
			    return equal_constant_time(*secret, view_secret(account->app_secret)) ||
			           equal_constant_time(*secret, view_secret(account->app_secret_previous));
		    });
		std::rotate(app_secrets_.begin(), secret, secret + 1);
		if (proven_ids_.size() > max_proven_ids)
			proven_ids_.clear();
		for (std::size_t i = 0; i < named.count && owner != accounts_.end(); i++)
			proven_ids_[std::string(named.ids[i])] = (*owner)->name;
		return true;
	}
	return false;
}

bool
Keyring::signature_matches(std::string_view account, std::string_view signature,
                           std::string_view body) noexcept
{
	if (!signature_well_formed(signature) || accounts_.empty())
		return false;
	try {
		if (account.empty())
			return try_all(signature, body);
		Trial trial = {signature, body, {}, 0};
		const Account *own = find_account(account);
		return own != nullptr && try_account(trial, *own);
	} catch (const std::bad_alloc &) {
		unsure_ = true; /* until secrets are read again */
		return false;
	}
}

std::size_t
Keyring::take_digested_bytes() noexcept
{
	return std::exchange(digested_, 0);
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
