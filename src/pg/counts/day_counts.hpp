/*
 * day_counts.hpp — how many messages of which day were sent, delivered, read and failed: exact
 * after each transaction, and there when the messages are gone.
 *
 * Whoever changes rows of whatsapp_messages adds what has changed to whatsapp_day_counts, in the
 * same transaction and by rows of its own, so that nobody waits for a row of another. The reader
 * folds them into one row for each key; views sum up whatever is there.
 */
#pragma once

#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

/* What counts of a message. NULL where the column is NULL. */
struct CountedMessage {
	const char *sender;
	const char *template_name;
	const char *category;
	const char *status;
	bool has_code;
	std::int64_t error_code;
	/* TimestampTz; 0 for NULL */
	std::int64_t created_at;
	std::int64_t sent_at;
	std::int64_t failed_at;
	/* 0: of none */
	std::int64_t campaign_id;
};

/* Sums of one transaction's changes, in the memory context that it was made in. */
class DayCounts
{
public:
	DayCounts();
	/* sign: 1 for a row that is there now, -1 for one that was there before. */
	void add_message(const CountedMessage &message, int sign);
	/* The row was deleted. What happened to the message stays counted, and is counted among the
	 * deleted, too. A message of a campaign that was still to be sent counts as cancelled, so that
	 * the campaign does not wait for it. */
	void add_deleted(const CountedMessage &message);
	/* Nothing is written when the changes add up to nothing. */
	void write_counts();

private:
	struct Sum;
	Sum &find_sum(const CountedMessage &message, bool deleted);
	int slot_of(const Sum &wanted) const;
	void make_slots();
	bool insert_directly(int any);
	void insert_by_statement(int any);
	void add_to(Sum &sum, const CountedMessage &message, int sign);

	MemoryContextData *memory_;
	Sum *sums_ = nullptr;
	int count_ = 0;
	int room_ = 0;
	/* places in sums_ by the digest of their key, -1 for none */
	int *slots_ = nullptr;
	int slot_count_ = 0;
};

/* A message that was refused as it was made. */
void count_refused(const CountedMessage &message);

/* After a TRUNCATE: every message that was counted was deleted. */
void count_truncated();

/* In the reader: rows of one key become one. False when there is more to do. */
bool fold_day_counts();

} // namespace whatsapp::pg
