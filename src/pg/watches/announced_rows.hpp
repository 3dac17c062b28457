/*
 * announced_rows.hpp — what a watch has announced before, and under which sender.
 *
 * Keys are unique per sender. Where an expression names the sender, it may have been another one
 * then: that of the row before an UPDATE, or any, since an expression may read other tables. A key
 * that is made of the watch's name and the row's is of no other watch, so it is looked up at all
 * senders; one of an expression is not.
 */
#pragma once

#include "pg/server/columns.hpp"
#include "pg/watches/announcement.hpp"

namespace whatsapp::pg
{

/* The senders under which a row's message may be, beside that of now. Lives as long as the
 * connection of SPI in which it is made. */
class OtherSenders
{
public:
	explicit OtherSenders(const WatchDefinition &watch);
	/* How many add() adds at most. */
	std::size_t count() const;
	/* Adds them, with the key. old_sender: NULL where it is not known. */
	void add(const char *sender, const char *old_sender, const char *key, Column &senders,
	         Column &keys) const;

private:
	bool all_;
	Result names_;
};

/* Whether also a row that is new may have been announced before under another sender. */
bool looks_at_all_senders(const WatchDefinition &watch);

/* Removes those that were announced before; returns how many are left. A message that follows its
 * row is looked up by follow_rows(), so of these only other senders are looked at. */
int drop_announced(const WatchDefinition &watch, Announcement *announcements, int count);

/* Whether a message of the row was enqueued before, so that this one is not. */
bool was_announced(const WatchDefinition &watch, const Announcement &announcement);

} // namespace whatsapp::pg
