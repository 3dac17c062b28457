/*
 * status_facts.hpp — what one status tells, listed once: in texts of its own (WebhookEvent), and in
 * views of them (StatusReport, Progress).
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp
{

/* Empty is absent. */
template <typename Text> struct StatusFacts {
	Text wamid;  /* of the message that it is about */
	Text status; /* sent, delivered, read, played, failed or a word that is new to us */
	std::int64_t timestamp = 0; /* Unix seconds; 0 when absent or unreadable */
	Text wa_id;                 /* recipient_id; else as contacts[] tells it */
	Text user_id;               /* recipient_user_id; else as contacts[] tells it */
	Text conversation_id;
	Text pricing_category;
	Text pricing_type;
	Text pricing_model;
	int billable = -1; /* pricing.billable: 0, 1, or -1 where nobody said */
	Text pricing_cost; /* pricing.cost.amount as read_amount() has it, with its currency */
	Text pricing_currency;
};

/* The texts of them, for whoever copies all. */
template <typename Text>
inline constexpr Text StatusFacts<Text>::*status_texts[] = {
    &StatusFacts<Text>::wamid,           &StatusFacts<Text>::status,
    &StatusFacts<Text>::wa_id,           &StatusFacts<Text>::user_id,
    &StatusFacts<Text>::conversation_id, &StatusFacts<Text>::pricing_category,
    &StatusFacts<Text>::pricing_type,    &StatusFacts<Text>::pricing_model,
    &StatusFacts<Text>::pricing_cost,    &StatusFacts<Text>::pricing_currency};

/* to: views, or texts of its own. */
template <typename To, typename From>
void
copy_status_facts(StatusFacts<To> &to, const StatusFacts<From> &from)
{
	for (std::size_t i = 0; i < sizeof status_texts<To> / sizeof *status_texts<To>; i++)
		to.*status_texts<To>[i] = from.*status_texts<From>[i];
	to.timestamp = from.timestamp;
	to.billable = from.billable;
}

} // namespace whatsapp
