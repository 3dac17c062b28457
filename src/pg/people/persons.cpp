/*
 * persons.cpp — links between contacts, and what is shared when one is learnt.
 */
#include "pg/people/persons.hpp"

#include "pg/rows/own_table.hpp"
#include "pg/server/batch_statement.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
}

namespace whatsapp::pg
{

namespace
{

OwnTable opt_outs("whatsapp_opt_outs");
OwnTable windows("whatsapp_windows");
OwnTable user_ids("whatsapp_user_ids");

/* What is known under `has` becomes known under `key`, too. */
struct ContactPair {
	const char *has;
	const char *key;
	const char *account;
	const char *sender; /* for whom a choice about every sender counts; NULL: for every one */
};

constexpr BatchColumn<ContactPair> shared_columns[] = {
    {"has", text_batch, nullptr,
     [](Column &column, const ContactPair &pair) { column.add_identifier(pair.has); }},
    {"key", text_batch, nullptr,
     [](Column &column, const ContactPair &pair) { column.add_identifier(pair.key); }},
    {"account", text_batch, nullptr,
     [](Column &column, const ContactPair &pair) { column.add_text(pair.account); }},
    {"for_sender", text_batch, nullptr,
     [](Column &column, const ContactPair &pair) { column.add_text(pair.sender); }}};

#define IS_OF_ACCOUNT(row)                                                               \
	"item.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s" \
	" WHERE s.name = " row ".sender)"

/* Of the choices for every sender only opt-outs are shared: one account must not end an opt-out
 * that holds for all. */
BatchStatement share_choices = {
    "INSERT INTO @s@.whatsapp_opt_outs AS o (contact, sender, scope, opted_out, changed_at, source, reason)"
    " SELECT DISTINCT ON (item.key, coalesce(c.sender, item.for_sender), c.scope)"
    "   item.key, coalesce(c.sender, item.for_sender), c.scope, c.opted_out, c.changed_at, c.source, c.reason"
    " FROM @batch@ JOIN @s@.whatsapp_opt_outs AS c ON c.contact = item.has"
    " WHERE CASE WHEN c.sender IS NULL THEN c.opted_out ELSE " IS_OF_ACCOUNT(
        "c") " END"
             " ORDER BY item.key, coalesce(c.sender, item.for_sender), c.scope, c.changed_at DESC, c.opted_out DESC"
             " ON CONFLICT (contact, sender, scope) DO UPDATE SET opted_out = EXCLUDED.opted_out,"
             "  changed_at = EXCLUDED.changed_at, source = EXCLUDED.source, reason = EXCLUDED.reason"
             " WHERE EXCLUDED.changed_at > o.changed_at OR (EXCLUDED.changed_at = o.changed_at AND EXCLUDED.opted_out)",
    shared_columns};

BatchStatement share_windows = {
    "INSERT INTO @s@.whatsapp_windows AS w (contact, sender, last_inbound_at)"
    " SELECT item.key, c.sender, max(c.last_inbound_at) FROM @batch@ JOIN @s@.whatsapp_windows AS c ON c.contact = item.has"
    " WHERE c.sender IS NOT NULL AND " IS_OF_ACCOUNT(
        "c") " GROUP BY item.key, c.sender"
             " ON CONFLICT (contact, sender) DO UPDATE SET last_inbound_at = EXCLUDED.last_inbound_at"
             " WHERE EXCLUDED.last_inbound_at > w.last_inbound_at",
    shared_columns};

void
share_contacts(const ContactPair *pairs, std::size_t count)
{
	const bool choices = has_pages(opt_outs);
	const bool messages = has_pages(windows);
	if (count == 0 || (!choices && !messages))
		return;
	auto **all = static_cast<const ContactPair **>(palloc(sizeof(ContactPair *) * count));
	for (std::size_t i = 0; i < count; i++)
		all[i] = &pairs[i];
	if (choices)
		run_batch_statement(share_choices, all, count);
	if (messages)
		run_batch_statement(share_windows, all, count);
}

/* Shares choices and windows along the links that a statement has made: account, user_id,
 * contact. */
void
share_along(const Result &links)
{
	auto *pairs = static_cast<ContactPair *>(palloc(sizeof(ContactPair) * (2 * links.count() + 1)));
	std::size_t size = 0;
	for (uint64 i = 0; i < links.count(); i++) {
		const char *account = links.text_at(i, 1);
		const char *user_id = links.text_at(i, 2);
		const char *contact = links.text_at(i, 3);
		pairs[size++] = {user_id, contact, account, nullptr};
		pairs[size++] = {contact, user_id, account, nullptr};
	}
	share_contacts(pairs, size);
}

constexpr BatchColumn<StatusPerson> person_columns[] = {
    {"message_id", bigint_batch, nullptr,
     [](Column &column, const StatusPerson &person) {
	     column.add(Int64GetDatum(person.message_id));
     }},
    {"user_id", text_batch, nullptr,
     [](Column &column, const StatusPerson &person) { column.add_identifier(person.user_id); }}};

/*
 * The server refuses ON CONFLICT on a table that has rules, and statuses must be applied even if a
 * user has made one. Then the links that are known are left out beforehand; one that another worker
 * has learnt in the same moment fails the batch, which is tried again.
 */
#define UNLESS_KNOWN \
	" ON CONFLICT (user_id, contact, account) DO NOTHING RETURNING account, user_id, contact"
#define UNLESS_FOUND(account_, user_id_, contact_)                                    \
	" NOT EXISTS (SELECT FROM @s@.whatsapp_user_ids AS u WHERE u.user_id = " user_id_ \
	" AND u.contact = " contact_ " AND u.account IS NOT DISTINCT FROM " account_ ")"  \
	" RETURNING account, user_id, contact"
/*
 * Nobody has so many numbers, and no number has so many owners. Each message under one of them is
 * one under the others: without a bound, a delivery that gives one user id to thousands of numbers
 * would cost the square of them.
 */
#define MOST_LINKS "20"
#define FEW_LINKS_OF(key, value_, account_)                                                     \
	"(SELECT count(*) FROM (SELECT FROM @s@.whatsapp_user_ids AS k WHERE"                       \
	" k." key " = " value_ " AND k.account IS NOT DISTINCT FROM " account_ " LIMIT " MOST_LINKS \
	") AS l) < " MOST_LINKS
#define FEW_LINKS(account_, user_id_, contact_)                                           \
	" WHERE " FEW_LINKS_OF("user_id", user_id_, account_) " AND " FEW_LINKS_OF("contact", \
	                                                                           contact_, account_)
#define TOLD_LINKS                                                                               \
	"(SELECT DISTINCT s.account, item.user_id, @s@.wa_contact_key(m.recipient_phone) AS contact" \
	" FROM @batch@ JOIN @s@.whatsapp_messages AS m ON m.id = item.message_id"                    \
	" LEFT JOIN @s@.whatsapp_senders AS s ON s.name = m.sender"                                  \
	" WHERE m.recipient_phone IS NOT NULL)"
#define RANKED_LINKS                                                                             \
	"(SELECT t.*, row_number() OVER (PARTITION BY t.account, t.user_id ORDER BY t.contact),"     \
	" row_number() OVER (PARTITION BY t.account, t.contact ORDER BY t.user_id) FROM " TOLD_LINKS \
	" AS t ORDER BY 2, 3, 1) AS link (account, user_id, contact, of_user_id, of_contact)"
#define INSERT_LINKS                                                                          \
	"INSERT INTO @s@.whatsapp_user_ids (account, user_id, contact)"                           \
	" SELECT link.account, link.user_id, link.contact FROM " RANKED_LINKS FEW_LINKS(          \
	    "link.account", "link.user_id", "link.contact") " AND link.of_user_id <= " MOST_LINKS \
	                                                    " AND link.of_contact <= " MOST_LINKS

BatchStatement insert_links = {INSERT_LINKS UNLESS_KNOWN, person_columns};
BatchStatement insert_links_by_rules = {
    INSERT_LINKS " AND" UNLESS_FOUND("link.account", "link.user_id", "link.contact"),
    person_columns};

/* What this process has learnt lately: each message has several statuses, and a person several
 * messages. Forgotten when the transaction that learnt them came to nothing. */
constexpr std::size_t lately_count = 1 << 14;
std::uint64_t lately[lately_count];
TransactionId last_learning = InvalidTransactionId;

void
forget_what_was_undone()
{
	if (!TransactionIdIsValid(last_learning) || TransactionIdIsCurrentTransactionId(last_learning))
		return;
	if (!TransactionIdDidCommit(last_learning))
		memset(lately, 0, sizeof lately);
	last_learning = InvalidTransactionId;
}

} // namespace

void
learn_person(const char *contact, const char *user_id, const char *account)
{
	static Statement insert_link = {
	    "INSERT INTO @s@.whatsapp_user_ids (account, user_id, contact) SELECT $1, $2, $3" FEW_LINKS(
	        "$1", "$2", "$3") UNLESS_KNOWN,
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	static Statement insert_link_by_rules = {
	    "INSERT INTO @s@.whatsapp_user_ids (account, user_id, contact) SELECT $1, $2, $3" FEW_LINKS(
	        "$1", "$2", "$3") " AND" UNLESS_FOUND("$1", "$2", "$3"),
	    3,
	    {TEXTOID, TEXTOID, TEXTOID}};
	if (contact == nullptr || user_id == nullptr || strcmp(contact, user_id) == 0)
		return;
	Values values;
	values.set_text(0, account);
	values.set_identifier(1, user_id);
	values.set_identifier(2, contact);
	share_along(run_statement(has_rules(user_ids) ? insert_link_by_rules : insert_link, values));
}

void
learn_persons(const StatusPerson *persons, std::size_t count)
{
	forget_what_was_undone();
	auto **unknown =
	    static_cast<const StatusPerson **>(palloc(sizeof(StatusPerson *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		std::uint64_t &place = lately[persons[i].digest % lately_count];
		if (place == persons[i].digest)
			continue;
		place = persons[i].digest;
		unknown[size++] = &persons[i];
	}
	if (size == 0)
		return;
	last_learning = GetCurrentTransactionId();
	share_along(has_rules(user_ids) ? run_batch_statement(insert_links_by_rules, unknown, size)
	                                : run_batch_statement(insert_links, unknown, size));
}

void
follow_person(const char *old_contact, const char *new_contact, const char *account,
              const char *sender)
{
	if (old_contact == nullptr || new_contact == nullptr || strcmp(old_contact, new_contact) == 0)
		return;
	const ContactPair pair = {old_contact, new_contact, account, sender};
	share_contacts(&pair, 1);
}

} // namespace whatsapp::pg
