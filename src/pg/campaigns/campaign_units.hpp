/*
 * campaign_units.hpp — what of a campaign was delivered, and may be charged: by day, market and
 * what Meta told, exact after each transaction, and there when the messages are gone.
 *
 * Kept as whatsapp_day_counts is: who changes messages inserts rows of its own, the reader folds
 * them. No price stands in them but what Meta has told: the rate card is looked up by who reads.
 */
#pragma once

#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

/* What is kept of a message. NULL where the column is NULL. */
struct DeliveredMessage {
	std::int64_t campaign_id;
	/* TimestampTz; 0: not delivered */
	std::int64_t delivered_at;
	const char *phone;
	const char *category;
	const char *pricing_type;
	/* what Meta told that it has cost, as a number, and its currency; both or neither */
	const char *cost;
	const char *currency;
};

/* Sums of one statement's changes, in the memory context that it was made in. */
class CampaignUnits
{
public:
	CampaignUnits();
	/* The same message before and after. If only the phone has changed, since wa_forget() erased
	 * it, the sums stay. */
	void add_change(const DeliveredMessage &before, const DeliveredMessage &now);
	void write_units();

private:
	struct Sum;
	void add_message(const DeliveredMessage &message, int sign);
	Sum *find_sum(const Sum &wanted);

	MemoryContextData *memory_;
	Sum *sums_ = nullptr;
	int count_ = 0;
	int room_ = 0;
};

/* In the reader: rows with one key become one. */
void fold_campaign_units();

} // namespace whatsapp::pg
