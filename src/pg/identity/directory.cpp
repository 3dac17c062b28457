/*
 * directory.cpp — rows first, then the default identity. With no default id set, what no row claims
 * belongs to the default: its deliveries had the right signature.
 */
#include "pg/identity/directory.hpp"

#include "pg/server/secrets.hpp"

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

bool
is_default(const char *name, const char *id)
{
	static Secret known;
	if (!read_secret(nullptr, name, known) || known.length == 0)
		return true;
	return strcmp(known.bytes, id) == 0;
}

} // namespace

const char *
sender_of(const char *phone_number_id)
{
	static Statement statement = {
	    "SELECT name FROM @s@.whatsapp_senders WHERE phone_number_id = $1 ORDER BY name LIMIT 1",
	    1,
	    {TEXTOID}};
	if (phone_number_id == nullptr || *phone_number_id == '\0')
		return nullptr;
	Values values;
	values.set_text(0, phone_number_id);
	const Result senders = run_statement(statement, values);
	if (!senders.empty())
		return senders.text_at(0, 1);
	return is_default("phone_number_id", phone_number_id) ? "default" : nullptr;
}

bool
account_of(const char *business_account_id, const char *&account)
{
	static Statement statement = {
	    "SELECT name FROM @s@.whatsapp_accounts WHERE business_account_id = $1 ORDER BY name LIMIT 1",
	    1,
	    {TEXTOID}};
	account = nullptr;
	if (business_account_id == nullptr || *business_account_id == '\0')
		return false;
	Values values;
	values.set_text(0, business_account_id);
	const Result accounts = run_statement(statement, values);
	if (!accounts.empty()) {
		account = accounts.text_at(0, 1);
		return true;
	}
	return is_default("business_account_id", business_account_id);
}

} // namespace whatsapp::pg
