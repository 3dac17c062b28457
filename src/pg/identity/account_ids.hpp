/*
 * account_ids.hpp — the ids by which Meta's webhooks name the accounts beside the default one, as
 * far as tables have them.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

struct AccountId {
	const char *id; /* Meta's id of the account, or of one of its numbers */
	const char *account;
};

/* In a worker's transaction, and valid until it ends. */
const AccountId *read_account_ids(std::size_t &count);

/* Raises 42704 when there is no account of that name; NULL is the default one. */
void require_account(const char *account);

} // namespace whatsapp::pg
