/*
 * keyring.hpp — app secrets and verify tokens of the default account and of every named one, as
 * Meta's requests are checked with them.
 *
 * Several apps may post to one URL, so a signature is good when any secret here made it; the path
 * of an account narrows that to its own. Where there are hundreds of secrets, the ids in the body
 * tell which to try first, and a large body is not tried with all of them.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pg/identity/account_ids.hpp"
#include "pg/server/secrets.hpp"

namespace whatsapp::entry
{

class Keyring
{
public:
	Keyring() = default;
	~Keyring();
	Keyring(const Keyring &) = delete;
	Keyring &operator=(const Keyring &) = delete;

	/* Whether secrets were last read more than a second ago, or never. */
	bool secrets_are_stale() const noexcept;
	void expire_secrets() noexcept;

	/* Reads every secret again. names: of the accounts beside the default one. May throw
	 * std::bad_alloc; until it is called again, some accounts are missing then, and is_unsure()
	 * says so. A secret that cannot be read for a reason that passes stays as it was. */
	void read_secrets(const char *const *names, std::size_t count);
	/* The ids by which webhooks name the accounts. */
	void learn_ids(const pg::AccountId *ids, std::size_t count);
	/* Reads the secrets of the accounts that are known by now. */
	void read_secrets_again();

	/* account: empty for any. */
	bool knows_account(std::string_view account) const noexcept;
	/* Who signed that body; NULL when nobody here did. Valid until secrets are read again. */
	struct Signer {
		std::string_view secret;
		std::string owner;      /* one name for all accounts that share the secret */
		std::string signed_for; /* the accounts that it counts for, see core/webhook/signer.hpp */
	};
	const Signer *find_signer(std::string_view account, std::string_view signature,
	                          std::string_view body) noexcept;
	/* Compares with every token, also after one has matched, so that the time does not tell which
	 * one it was. */
	bool token_matches(std::string_view account, std::string_view mode,
	                   std::string_view token) const noexcept;
	/* The same for the SHA-256 of a token, in hexadecimal digits. */
	bool digest_matches(std::string_view digest) const noexcept;

	/* True while a secret or an account may be missing for a reason that passes: a signature that
	 * fits no secret may be genuine then, and an account that is not known may exist. */
	bool
	is_unsure() const noexcept
	{
		return unsure_ || !is_complete_;
	}
	/* What find_signer() has digested since the last call. */
	std::size_t take_digested_bytes() noexcept;

	/* Whether there is an app secret: without one, no delivery can be called forged. */
	bool
	can_verify() const noexcept
	{
		return !app_secrets_.empty();
	}
	/* Why a secret could not be had, if there was trouble with one. */
	const char *
	problem() const noexcept
	{
		return problem_.c_str();
	}

private:
	struct Account {
		std::string name; /* empty for the default one */
		pg::Secret app_secret = {};
		pg::Secret app_secret_previous = {};
		pg::Secret verify_token = {};
		std::string token_digest;
		~Account();
	};
	/* The secrets that one body is tried with. */
	struct Trial {
		std::string_view signature;
		std::string_view body;
		std::vector<std::string_view> likely; /* tried first */
		std::size_t tried = 0;
	};
	bool signature_matches(std::string_view account, std::string_view signature,
	                       std::string_view body) noexcept;
	bool is_owner(const Account &account, std::string_view secret) const noexcept;
	void collect_signers();
	bool try_secret(Trial &trial, std::string_view secret);
	bool try_account(Trial &trial, const Account &account);
	bool try_all(std::string_view signature, std::string_view body);
	void read_account(Account &account);
	void read_secret_of(const Account &account, const char *name, pg::Secret &secret);
	void collect_app_secret(const pg::Secret &secret);
	const Account *find_account(std::string_view name) const noexcept;

	std::vector<std::unique_ptr<Account>> accounts_;
	/* different ones only, the one that was right last in front: most accounts share an app */
	std::vector<std::string_view> app_secrets_;
	std::vector<Signer> signers_; /* one for each of them */
	std::string_view right_secret_;
	/* id => name of the account: as rows tell, and as signatures that were right have told */
	std::unordered_map<std::string, std::string> ids_;
	std::unordered_map<std::string, std::string> proven_ids_;
	std::size_t digested_ = 0;
	bool unsure_ = false;
	bool is_complete_ = false; /* memory sufficed for all of them */
	std::string problem_;
	std::int64_t read_at_ = 0;
};

} // namespace whatsapp::entry
