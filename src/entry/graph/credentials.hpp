/*
 * credentials.hpp — the access tokens of the accounts, for any caller of the Graph API.
 *
 * They come from files of whatsapp.secret_dir or from the server's environment, and are read again
 * when they are a second old, after a reload, and after an answer that refused a token.
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
	/* account: empty for the default one. Returns NULL, and why, when there is no usable token. */
	std::shared_ptr<const Token> find_token(const std::string &account, Shortcoming &why);

	/* The ids that are kept among the account's secrets; empty when there is none. */
	std::string_view find_phone_number_id(const std::string &account);
	std::string_view find_business_account_id(const std::string &account);

	/* True when a token or a phone number id that was asked for before has changed, or is there at
	 * last. For this they are read again, at most once a second. May throw std::bad_alloc. */
	bool take_change();

	/* All are read again before their next use. */
	void expire_secrets() noexcept;

	/* Reads now what would soon have to be read again: for a caller that has the time just then.
	 * May throw std::bad_alloc. */
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
