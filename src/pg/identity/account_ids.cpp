/*
 * account_ids.cpp — from whatsapp_accounts and whatsapp_senders.
 */
#include "pg/identity/account_ids.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

const AccountId *
read_account_ids(std::size_t &count)
{
	static Statement statement = {
	    "SELECT business_account_id, name FROM @s@.whatsapp_accounts WHERE business_account_id IS NOT NULL"
	    " UNION ALL SELECT phone_number_id, account FROM @s@.whatsapp_senders"
	    " WHERE phone_number_id IS NOT NULL AND account IS NOT NULL",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	count = rows.count();
	auto *ids = static_cast<AccountId *>(palloc(sizeof(AccountId) * (count + 1)));
	for (std::size_t i = 0; i < count; i++)
		ids[i] = {rows.text_at(i, 1), rows.text_at(i, 2)};
	return ids;
}

void
require_account(const char *account)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_accounts WHERE name = $1", 1, {TEXTOID}};
	if (account == nullptr)
		return;
	Values values;
	values.set_text(0, account);
	if (run_statement(statement, values).empty())
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT),
		         errmsg("WhatsApp account \"%s\" does not exist", account),
		         errhint("Insert it into whatsapp_accounts, or name none for the default one.")));
}

} // namespace whatsapp::pg
