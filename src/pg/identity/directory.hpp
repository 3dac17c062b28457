/*
 * directory.hpp — the sender or the account that a webhook is about, and whether the webhook may
 * speak for it: the secret that signed it belongs to some accounts only. The default sender and the
 * default account need no row: their ids may stand beside the secrets, in files or environment
 * variables.
 */
#pragma once

namespace whatsapp::pg
{

/* SQL: true when what was signed for those accounts (see core/webhook/signer.hpp) counts for this
 * one, NULL being the default one. */
#define COUNTS_FOR_ACCOUNT(signed_for, account)                                          \
	"CASE WHEN " signed_for " IS NULL THEN true ELSE (position(',' || coalesce(" account \
	", '') || ',' IN " signed_for ") > 0) = (left(" signed_for ", 1) = '+') END"
/* SQL: the account of a message's sender. */
#define ACCOUNT_OF_MESSAGE(id)                                        \
	"(SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name =" \
	" (SELECT m.sender FROM @s@.whatsapp_messages AS m WHERE m.id = " id "))"

/* ours, and signed by its account; foreign: ours, and signed by another account; nobody: none of
 * ours. */
enum class Owner { ours, foreign, nobody };

/* In a worker's transaction. signed_for: see core/webhook/signer.hpp; NULL is every account.
 * sender: whose number it is when that is ours; in the SPI memory of the caller. */
Owner find_sender(const char *phone_number_id, const char *signed_for, const char *&sender);

/* The same for a WhatsApp Business Account. account: its name, NULL for the default one. */
Owner find_account(const char *business_account_id, const char *signed_for, const char *&account);

/* The name of a sender's account; NULL for the default one. */
const char *account_of_sender(const char *sender);

} // namespace whatsapp::pg
