/*
 * directory.cpp — an id is looked for in the rows first, then in the files of named accounts, then
 * among the ids of the default account. If none has it, it may be that of an account whose id is
 * set nowhere: of the default account, when that one signed the webhook; else of the only named
 * account that signed it and has no id.
 */
#include "pg/identity/directory.hpp"

#include "core/webhook/signer.hpp"

#include "pg/server/secrets.hpp"

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

bool
is_signed_for(const char *signed_for, const char *account)
{
	return signed_for == nullptr ||
	       counts_for_account(signed_for, account == nullptr ? "" : account);
}

Owner
owner_of(const char *signed_for, const char *account)
{
	return is_signed_for(signed_for, account) ? Owner::ours : Owner::foreign;
}

bool
is_own_id(const char *account, const char *name, const char *id)
{
	static Secret known;
	return read_secret(account, name, known) && strcmp(known.bytes, id) == 0;
}

/* Whether the id of the account is set nowhere. */
bool
is_id_unknown(const char *account, const char *name)
{
	static Secret known;
	return !read_secret(account, name, known) && known.problem[0] == '\0';
}

Owner
owner_of_default(const char *name, const char *id, const char *signed_for)
{
	static Secret known;
	if (read_secret(nullptr, name, known) && known.length > 0)
		return strcmp(known.bytes, id) == 0 ? owner_of(signed_for, nullptr) : Owner::nobody;
	return is_signed_for(signed_for, nullptr) ? Owner::ours : Owner::nobody;
}

bool
is_empty(const char *id)
{
	return id == nullptr || *id == '\0';
}

} // namespace

Owner
find_sender(const char *phone_number_id, const char *signed_for, const char *&sender)
{
	/* of several rows with the same id, the first that the signer may speak for is taken. Rows
	 * without an id come last: theirs may stand in a file */
	static Statement statement = {
	    "SELECT name, account, phone_number_id IS NULL FROM @s@.whatsapp_senders"
	    " WHERE phone_number_id = $1 OR (phone_number_id IS NULL AND account IS NOT NULL)"
	    " ORDER BY phone_number_id, name",
	    1,
	    {TEXTOID}};
	sender = nullptr;
	if (is_empty(phone_number_id))
		return Owner::nobody;
	Values values;
	values.set_text(0, phone_number_id);
	const Result rows = run_statement(statement, values);
	bool foreign = false;
	for (uint64 i = 0; i < rows.count(); i++) {
		const char *account = rows.text_at(i, 2);
		if (rows.bool_at(i, 3) && !is_own_id(account, "phone_number_id", phone_number_id))
			continue;
		if (is_signed_for(signed_for, account)) {
			sender = rows.text_at(i, 1);
			return Owner::ours;
		}
		foreign = true;
	}
	if (foreign)
		return Owner::foreign;
	const Owner owner = owner_of_default("phone_number_id", phone_number_id, signed_for);
	if (owner == Owner::ours)
		sender = "default";
	return owner;
}

const char *
account_of_sender(const char *sender)
{
	static Statement statement = {
	    "SELECT account FROM @s@.whatsapp_senders WHERE name = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	const Result rows = run_statement(statement, values);
	return rows.empty() ? nullptr : rows.text_at(0, 1);
}

Owner
find_account(const char *business_account_id, const char *signed_for, const char *&account)
{
	static Statement statement = {
	    "SELECT name, business_account_id IS NULL FROM @s@.whatsapp_accounts"
	    " WHERE business_account_id = $1 OR business_account_id IS NULL ORDER BY business_account_id, name",
	    1,
	    {TEXTOID}};
	account = nullptr;
	if (is_empty(business_account_id))
		return Owner::nobody;
	Values values;
	values.set_text(0, business_account_id);
	const Result rows = run_statement(statement, values);
	bool foreign = false;
	const char *unnamed = nullptr; /* an account that signed it and has no id anywhere */
	int unnamed_count = 0;
	for (uint64 i = 0; i < rows.count(); i++) {
		const char *name = rows.text_at(i, 1);
		const bool here = is_signed_for(signed_for, name);
		if (rows.bool_at(i, 2) && !is_own_id(name, "business_account_id", business_account_id)) {
			if (here && is_id_unknown(name, "business_account_id") && unnamed_count++ == 0)
				unnamed = name;
			continue;
		}
		if (here) {
			account = name;
			return Owner::ours;
		}
		foreign = true;
	}
	if (foreign)
		return Owner::foreign;
	const Owner owner = owner_of_default("business_account_id", business_account_id, signed_for);
	if (owner != Owner::nobody || is_signed_for(signed_for, nullptr) || unnamed_count != 1)
		return owner;
	account = unnamed;
	return Owner::ours;
}

} // namespace whatsapp::pg
