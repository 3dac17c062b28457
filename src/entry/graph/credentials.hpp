/*
 * credentials.hpp — the access tokens of the accounts, for any caller of the Graph API.
 *
 * Files of whatsapp.secret_dir or the server's environment. They are read again when they are a
 * second old, after a reload, and after an answer that refused a token.
 */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pg/server/secrets.hpp"

namespace whatsapp::entry
{

/* Overwritten when its last holder lets go of it. */
class Token
{
public:
	explicit Token(std::string_view text) : text_(text) {}
	~Token();
	Token(const Token &) = delete;
	Token &operator=(const Token &) = delete;

	std::string_view
	text() const noexcept
	{
		return text_;
	}

private:
	std::string text_;
};

/* Why a request cannot be made, and what to do about it. */
struct Shortcoming {
	std::string reason;
	std::string hint;
};

class Credentials
{
public:
	/* account: empty for the default one. NULL, and why. */
	std::shared_ptr<const Token> find_token(const std::string &account, Shortcoming &why);

	/* Of the account's secrets; empty when it is not among them. */
	std::string_view find_phone_number_id(const std::string &account);
	std::string_view find_business_account_id(const std::string &account);

	/* True: a token or an id that was used before is another one now, or is there at last. They are
	 * read again for it, once a second. May throw std::bad_alloc. */
	bool take_change();

	/* All are read again before their next use. */
	void expire_secrets() noexcept;

	/* Those that will have to be read soon, now: there is time for it. May throw std::bad_alloc. */
	void refresh_secrets();

private:
	static constexpr std::int64_t never_read = INT64_MIN / 2;
	struct AccountSecrets {
		std::shared_ptr<const Token> token;
		std::string token_problem;
		std::string phone_number_id;
		std::string business_account_id;
		std::int64_t read_at = never_read;
		bool changed = false; /* since take_change() */
	};

	AccountSecrets &find_secrets(const std::string &account);
	static void read_secrets(const std::string &account, AccountSecrets &secrets);

	std::map<std::string, AccountSecrets> by_account_;
};

} // namespace whatsapp::entry
