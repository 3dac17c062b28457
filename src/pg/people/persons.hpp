/*
 * persons.hpp — which phone and which business-scoped user id are one person, and what follows: a
 * choice or a message under one of them is one under the other.
 *
 * A user id is known to one business only, and a webhook may speak for some accounts only. So each
 * link is of the account that told it, and passes on what concerns senders of that account.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp::pg
{

/*
 * SQL: contact_, and the contacts that are linked with it by the account of sender_. When sender_
 * is NULL, which is every sender: by any account.
 */
#define LINKED_CONTACTS(contact_, sender_)                                                        \
	"(SELECT " contact_ " AS contact"                                                             \
	" UNION SELECT u.contact FROM @s@.whatsapp_user_ids AS u WHERE u.user_id = " contact_         \
	"  AND " LINK_IS_OF(sender_) " UNION SELECT u.user_id FROM @s@.whatsapp_user_ids AS u WHERE " \
	                             "u.contact = " contact_ "  AND " LINK_IS_OF(sender_) ")"
#define LINK_IS_OF(sender_)                                                              \
	"(" sender_ " IS NULL OR u.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@." \
	"whatsapp_senders AS s WHERE s.name = " sender_ "))"

/* All in a worker's transaction, with SPI connected. account: NULL is the default one. */

/* One webhook tells both ids of a person; either may be NULL. contact: see contact_key(). */
void learn_person(const char *contact, const char *user_id, const char *account);

/* A status tells the user id of the person to whom its message went. Cheap for those that are
 * known. */
struct StatusPerson {
	std::int64_t message_id;
	const char *user_id;
	std::uint64_t digest; /* of all that the status tells about the person */
};
void learn_persons(const StatusPerson *persons, std::size_t count);

/* A person has another number or user id: choices and windows of the old contact become those of
 * the new one, as far as they concern senders of the account. What concerns every sender becomes a
 * choice for this sender, or stays one for all when sender is NULL. */
void follow_person(const char *old_contact, const char *new_contact, const char *account,
                   const char *sender);

} // namespace whatsapp::pg
