/*
 * budgets.hpp — money is reserved when a message is claimed, settled when it is delivered, released
 * when it is refused; what does not fit waits.
 *
 * Whoever changes a sum inserts a row of its own into whatsapp_budget_ledger, in the transaction
 * that changes the message: nobody waits for a row of another, and the reader folds them. The
 * sender alone reserves, so the sums that it remembers are never lower than the true ones; only
 * when Meta has told a higher price may they be, until it reads them again within a second.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp::pg
{

/* How the error message of a FAILED message begins when it may have been delivered all the same:
 * what is reserved for it stays reserved. */
#define OUTCOME_UNKNOWN "outcome unknown"
#define PARKED "parked"

/* A cheap look: false as long as no budget was ever made. */
bool any_budgets();

struct PricedMessage {
	std::int64_t id;
	const char *sender;
	const char *template_name; /* NULL: none */
	const char *template_language;
	const char *phone;
	bool urgent;
	/* not claimed since it was queued: what is reserved for it, if anything, is of a time before
	 * wa_retry(), and stays, since the message may have been delivered then */
	bool fresh;
	/* held_by of its queue row, and until when (TimestampTz); NULL: it may leave */
	const char *held_by;
	std::int64_t held_until;
	/* 0: none, or no budget asks for it; found by reserve_money() */
	std::int64_t campaign_id;
};

/* In the sender, in the transaction of the claim. messages: in order of id. */
void reserve_money(PricedMessage *messages, std::size_t count);

/* The transaction of the last reserve_money() has failed: nothing of it happened. */
void forget_reservations();

/* After the commit: the warnings that became due, once in the log. */
void report_budgets();

/* In the sender, each second: what was held and would fit now is due again. Returns how many. */
std::uint64_t wake_held_messages();

/* Settles the charges of these messages by what has become of the messages. For the trigger on
 * whatsapp_messages, which collects the ids only where has_charges(). */
bool has_charges();
void settle_charges(const std::int64_t *ids, std::size_t count);
/* What is reserved for these messages is not charged. For whoever changes them to something else,
 * which has a price of its own. */
void release_charges(const std::int64_t *ids, std::size_t count);
/* The messages are gone; what they cost stays in the sums. */
void drop_charges(const std::int64_t *ids, std::size_t count);
void drop_all_charges();

/* In the reader: rows of one period become one. */
void fold_budget_ledger();

} // namespace whatsapp::pg
