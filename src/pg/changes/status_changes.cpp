/*
 * status_changes.cpp — one statement for a batch. Nobody is told of anything as a rule; then all
 * that is done is to look whether a table has a page.
 */
#include "pg/changes/status_changes.hpp"

#include "pg/changes/callback_list.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

bool
is_status(const char *status, const char *word)
{
	return strcmp(status, word) == 0;
}

/* How far a message has come. One that failed may have been sent before. */
int
progress_of(const char *status, std::int64_t sent_at)
{
	if (is_status(status, "READ"))
		return 3;
	if (is_status(status, "DELIVERED"))
		return 2;
	if (is_status(status, "SENT"))
		return 1;
	return is_status(status, "FAILED") && sent_at != 0 ? 1 : 0;
}

} // namespace

struct StatusChanges::Change {
	std::int64_t id;
	const char *sender;
	const char *status;
	std::int64_t at;
	bool has_code;
	std::int64_t error_code;
};

StatusChanges::StatusChanges()
    : memory_(CurrentMemoryContext),
      wanted_(settings.keep_changes > 0 || has_callbacks(CallbackKind::status))
{
}

void
StatusChanges::add_step(const NotedMessage &message, const char *status, std::int64_t at)
{
	if (count_ == room_) {
		const int room = room_ == 0 ? 64 : 2 * room_;
		const Size size = sizeof(Change) * static_cast<Size>(room);
		changes_ = static_cast<Change *>(room_ == 0 ? MemoryContextAlloc(memory_, size)
		                                            : repalloc(changes_, size));
		room_ = room;
	}
	const bool failed = is_status(status, "FAILED");
	changes_[count_++] = {message.id,
	                      message.sender,
	                      status,
	                      at != 0 ? at : GetCurrentTransactionStartTimestamp(),
	                      failed && message.has_code,
	                      message.error_code};
}

void
StatusChanges::add_change(const char *status_before, std::int64_t sent_before,
                          const NotedMessage &now)
{
	if (!wanted_ || is_status(status_before, now.status))
		return;
	const int before = progress_of(status_before, sent_before);
	const int after = progress_of(now.status, now.sent_at);
	const struct {
		const char *status;
		std::int64_t at;
	} steps[] = {{"SENT", now.sent_at}, {"DELIVERED", now.delivered_at}, {"READ", now.read_at}};
	for (int step = before; step < after; step++)
		add_step(now, steps[step].status, steps[step].at);
	const bool told = after > before && !is_status(now.status, "FAILED");
	/* keeps the literal of this line: the row's own text may be freed before write_changes() */
	for (const char *status : {"PENDING", "SENT", "DELIVERED", "READ", "FAILED", "CANCELLED"})
		if (!told && is_status(now.status, status))
			add_step(now, status, is_status(status, "FAILED") ? now.failed_at : 0);
}

void
StatusChanges::write_changes()
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_change_queue (message_id, sender, status, changed_at, error_code)"
	    " SELECT c.id, c.sender, c.status, c.at, c.code"
	    " FROM ROWS FROM (unnest($1), unnest($2), unnest($3), unnest($4), unnest($5))"
	    "  WITH ORDINALITY AS c (id, sender, status, at, code, place) ORDER BY c.place",
	    5,
	    {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID}};
	if (count_ == 0)
		return;
	const auto size = static_cast<std::size_t>(count_);
	Column ids(size);
	Column senders(size);
	Column statuses(size);
	Column times(size);
	Column codes(size);
	for (int i = 0; i < count_; i++) {
		const Change &change = changes_[i];
		ids.add(Int64GetDatum(change.id));
		senders.add(CStringGetTextDatum(change.sender));
		statuses.add(CStringGetTextDatum(change.status));
		times.add(TimestampTzGetDatum(change.at));
		if (change.has_code)
			codes.add(Int64GetDatum(change.error_code));
		else
			codes.add_null();
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, senders.array(TEXTOID));
	values.set(2, statuses.array(TEXTOID));
	values.set(3, times.array(TIMESTAMPTZOID));
	values.set(4, codes.array(INT8OID));
	count_ = 0;
	(void)run_statement(statement, values);
	wake_reader_at_commit();
}

void
note_refused(std::int64_t id, const char *sender)
{
	StatusChanges changes;
	NotedMessage message = {};
	message.id = id;
	message.sender = sender;
	message.status = "FAILED";
	changes.add_change("PENDING", 0, message);
	changes.write_changes();
}

} // namespace whatsapp::pg
