/*
 * announced_rows.cpp — one query for all rows of a chunk.
 */
#include "pg/watches/announced_rows.hpp"

#include "pg/enqueue/messages.hpp"
#include "pg/server/text_compare.hpp"

namespace whatsapp::pg
{

namespace
{

/* A row is looked up once for each sender. With more senders than these, only the one that the row
 * had before the UPDATE is looked at. */
constexpr uint64 most_senders = 100;

Result
all_senders()
{
	static Statement statement = {
	    "SELECT s.name FROM @s@.whatsapp_senders AS s UNION SELECT $1 ORDER BY 1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, default_sender);
	return run_statement(statement, values);
}

} // namespace

bool
looks_at_all_senders(const WatchDefinition &watch)
{
	return watch.idempotency_key == nullptr && watch.sender != nullptr &&
	       !is_plain_word(watch.sender);
}

OtherSenders::OtherSenders(const WatchDefinition &watch) : all_(looks_at_all_senders(watch))
{
	if (all_)
		names_ = all_senders();
	if (names_.count() > most_senders)
		all_ = false;
}

std::size_t
OtherSenders::count() const
{
	return all_ ? names_.count() + 1 : 1;
}

void
OtherSenders::add(const char *sender, const char *old_sender, const char *key, Column &senders,
                  Column &keys) const
{
	/* one that has no row any more may have sent, too */
	bool is_old_one_named = old_sender == nullptr || is_same_text(old_sender, sender);
	for (uint64 i = 0; all_ && i < names_.count(); i++) {
		const char *name = names_.text_at(i, 1);
		is_old_one_named = is_old_one_named || is_same_text(name, old_sender);
		if (is_same_text(name, sender))
			continue;
		senders.add_text(name);
		keys.add_text(key);
	}
	if (is_old_one_named)
		return;
	senders.add_text(old_sender);
	keys.add_text(key);
}

namespace
{

/* Sets announced[i] for those that were. */
void
find_announced(const WatchDefinition &watch, const Announcement *announcements, int count,
               bool *announced)
{
	/* a message that was cancelled and follows its row may come again under another sender */
	static Statement statement = {
	    "SELECT k.place FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS k (sender, key, place)"
	    " WHERE EXISTS (SELECT FROM @s@.whatsapp_messages AS m WHERE m.sender = k.sender AND m.idempotency_key = k.key"
	    "  AND m.enqueued_by = $4 AND NOT ($5 AND m.status = 'CANCELLED'))",
	    5,
	    {TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTOID, BOOLOID}};
	const bool follows = watch.due != nullptr;
	const OtherSenders others(watch);
	const std::size_t most = static_cast<std::size_t>(count) * (others.count() + 1);
	Column senders(most);
	Column keys(most);
	Column places(most);
	for (int i = 0; i < count; i++) {
		const Announcement &announcement = announcements[i];
		const char *key = announcement.message.idempotency_key;
		announced[i] = false;
		if (key == nullptr)
			continue;
		const int before = keys.count();
		if (!follows) {
			senders.add_text(announcement.message.sender);
			keys.add_text(key);
		}
		others.add(announcement.message.sender, announcement.old_sender, key, senders, keys);
		for (int added = keys.count() - before; added > 0; added--)
			places.add(Int32GetDatum(i));
	}
	if (keys.count() == 0)
		return;
	Values values;
	values.set(0, senders.array(TEXTOID));
	values.set(1, keys.array(TEXTOID));
	values.set(2, places.array(INT4OID));
	values.set_text(3, watch.owner);
	values.set(4, BoolGetDatum(follows));
	const Result known = run_statement(statement, values);
	for (uint64 i = 0; i < known.count(); i++)
		announced[known.int32_at(i, 1)] = true;
}

} // namespace

int
drop_announced(const WatchDefinition &watch, Announcement *announcements, int count)
{
	if (count == 0)
		return 0;
	auto *announced = static_cast<bool *>(palloc(sizeof(bool) * static_cast<Size>(count)));
	find_announced(watch, announcements, count, announced);
	int left = 0;
	for (int i = 0; i < count; i++)
		if (!announced[i])
			announcements[left++] = announcements[i];
	return left;
}

bool
was_announced(const WatchDefinition &watch, const Announcement &announcement)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_messages WHERE sender = $1 AND idempotency_key = $2 AND enqueued_by = $3"
	    "  AND NOT ($4 AND status = 'CANCELLED')"
	    " UNION ALL SELECT 1 FROM @s@.whatsapp_watch_items WHERE sender = $1 AND idempotency_key = $2 AND enqueued_by = $3"
	    "  AND separator IS NOT NULL LIMIT 1",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, BOOLOID}};
	const NewMessage &message = announcement.message;
	if (message.idempotency_key == nullptr)
		return false;
	Values values;
	values.set_text(0, message.sender);
	values.set_text(1, message.idempotency_key);
	values.set_text(2, message.enqueued_by);
	values.set(3, BoolGetDatum(watch.due != nullptr));
	if (!run_statement(statement, values).empty())
		return true;
	bool announced = false;
	find_announced(watch, &announcement, 1, &announced);
	return announced;
}

} // namespace whatsapp::pg
