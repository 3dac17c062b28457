/*
 * status_join.cpp — the status of a message is a function of the set of its events, whatever their
 * order and number.
 *
 * READ if there is a read, else DELIVERED if there is a delivered, else FAILED if there is a
 * failed, else SENT. A batch is summed by core/webhook/progress.cpp, and the sum joined with the
 * row by the same rule in SQL (status_columns.cpp). One statement per batch, not per event.
 */
#include "pg/webhooks/status_join.hpp"

#include <algorithm>

#include "pg/people/persons.hpp"
#include "pg/queue/fallback.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/webhooks/status_columns.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace whatsapp::pg
{

namespace
{

struct JoinCount {
	std::size_t wanted;
	std::size_t changed;
};

bool
tells_progress(const StatusSum &sum)
{
	return sum.progress.sent_at != 0 && sum.queue_row != QueueRowState::kept;
}

/* In order of id, as all who lock several messages. */
JoinCount
join_progress_of(const StatusSum *sums, std::size_t count)
{
	auto **some = static_cast<const StatusSum **>(palloc(sizeof(StatusSum *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (tells_progress(sums[i]))
			some[size++] = &sums[i];
	if (size == 0)
		return {0, 0};
	return {size, join_progress(some, size)};
}

/* Called when fewer rows were changed, or wait for another attempt, than there are sums. Some
 * messages may have been deleted; if not, a trigger or rule of a user's has left some out, and that
 * is an error. */
void
require_changed(const StatusSum *sums, std::size_t count, std::size_t accounted_for)
{
	static Statement existing = {
	    "SELECT count(*) FROM @s@.whatsapp_messages WHERE id = ANY ($1)", 1, {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		if (tells_progress(sums[i]))
			ids.add(Int64GetDatum(sums[i].message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	if (run_statement(existing, values).int64_at(0, 1) > static_cast<std::int64_t>(accounted_for))
		raise_left_out("whatsapp_messages");
}

/* The platform may tell by a webhook that the window was closed. When the message has a fallback,
 * that is sent instead, and this is no failure yet: takes it out of some, which is in order of
 * message. */
void
leave_out_fallbacks(const FailedMessage **some, std::size_t &size)
{
	auto *ids = static_cast<std::int64_t *>(palloc(sizeof(std::int64_t) * (size + 1)));
	auto *wamids = static_cast<std::string_view *>(palloc(sizeof(std::string_view) * (size + 1)));
	std::size_t count = 0;
	for (std::size_t i = 0; i < size; i++) {
		if (!some[i]->report->has_error || some[i]->report->error_code != window_closed_code)
			continue;
		ids[count] = some[i]->sum->message_id;
		wamids[count++] = some[i]->report->wamid;
	}
	if (count == 0)
		return;
	auto *fallen_back = static_cast<bool *>(palloc0(sizeof(bool) * count));
	take_late_fallbacks(ids, wamids, count, fallen_back);
	std::size_t kept = 0;
	for (std::size_t i = 0; i < size; i++) {
		const std::int64_t *found = std::lower_bound(ids, ids + count, some[i]->sum->message_id);
		if (found == ids + count || *found != some[i]->sum->message_id || !fallen_back[found - ids])
			some[kept++] = some[i];
	}
	size = kept;
}

/* statuses: in order of message. False when for one of them no row of the queue was seen: the
 * number of changed rows tells nothing here, since most failures are not the earliest of their
 * message. */
bool
join_failures_of(const MessageStatus *statuses, std::size_t count, StatusSum *sums,
                 std::size_t sum_count)
{
	auto *failures = static_cast<FailedMessage *>(palloc(sizeof(FailedMessage) * (count + 1)));
	auto **some =
	    static_cast<const FailedMessage **>(palloc(sizeof(FailedMessage *) * (count + 1)));
	std::size_t size = 0;
	bool all_seen = true;
	for (std::size_t i = 0; i < count; i++) {
		const StatusSum *sum = rank_of(statuses[i].report.status) == StatusRank::failed
		                           ? find_sum(sums, sum_count, statuses[i].message_id)
		                           : nullptr;
		if (sum == nullptr || sum->queue_row == QueueRowState::kept)
			continue;
		failures[size] = {sum, &statuses[i].report};
		all_seen = all_seen && sum->queue_row == QueueRowState::removed;
		some[size] = &failures[size];
		size++;
	}
	leave_out_fallbacks(some, size);
	if (size > 0)
		join_failures(some, size);
	return all_seen;
}

/* False when some message may wait though no row of the queue was seen. */
bool
join_statuses(const MessageStatus *statuses, std::size_t count, StatusSum *sums,
              std::size_t sum_count, JoinCount &progress)
{
	progress = join_progress_of(sums, sum_count);
	return join_failures_of(statuses, count, sums, sum_count) &&
	       progress.changed == progress.wanted;
}

/* Once more for the messages that wait although no row of the queue was seen: wa_retry() has put
 * one there meanwhile, and now it is seen. */
void
apply_again(const MessageStatus *statuses, std::size_t count, StatusSum *sums,
            std::size_t sum_count, const JoinCount &before)
{
	static Statement statement = {"SELECT id FROM @s@.whatsapp_messages"
	                              " WHERE id = ANY ($1) AND status = 'PENDING' ORDER BY id",
	                              1,
	                              {INT8ARRAYOID}};
	Column ids(sum_count);
	for (std::size_t i = 0; i < sum_count; i++)
		if (sums[i].queue_row == QueueRowState::none)
			ids.add(Int64GetDatum(sums[i].message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	auto *waiting = static_cast<StatusSum *>(palloc(sizeof(StatusSum) * (rows.count() + 1)));
	std::size_t size = 0;
	std::size_t accounted_for = before.changed;
	for (uint64 i = 0; i < rows.count(); i++)
		if (const StatusSum *sum = find_sum(sums, sum_count, rows.int64_at(i, 1))) {
			accounted_for += tells_progress(*sum) ? 1 : 0;
			waiting[size++] = *sum;
		}
	if (accounted_for < before.wanted)
		require_changed(sums, sum_count, accounted_for);
	if (size == 0)
		return;
	dequeue_messages(waiting, size);
	/* when there is still no row, somebody has removed it by hand */
	for (std::size_t i = 0; i < size; i++)
		if (waiting[i].queue_row == QueueRowState::none)
			waiting[i].queue_row = QueueRowState::removed;
	JoinCount progress;
	(void)join_statuses(statuses, count, waiting, size, progress);
	if (progress.changed < progress.wanted)
		require_changed(waiting, size, progress.changed);
}

std::uint64_t
digest_of(std::string_view text, std::uint64_t seed)
{
	return hash_bytes_extended(reinterpret_cast<const unsigned char *>(text.data()),
	                           static_cast<int>(text.size()), seed);
}

void
learn_persons_of(const MessageStatus *statuses, std::size_t count)
{
	auto *persons = static_cast<StatusPerson *>(palloc(sizeof(StatusPerson) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		const StatusReport &report = statuses[i].report;
		if (report.user_id.empty())
			continue;
		/* the phone is that of the message; when the status does not tell it, the id of the message
		 * stands for it */
		const std::uint64_t phone =
		    report.wa_id.empty() ? static_cast<std::uint64_t>(statuses[i].message_id) : 0;
		persons[size++] = {statuses[i].message_id,
		                   pnstrdup(report.user_id.data(), report.user_id.size()),
		                   digest_of(report.user_id, digest_of(report.wa_id, phone))};
	}
	learn_persons(persons, size);
}

} // namespace

void
apply_statuses(MessageStatus *statuses, std::size_t count)
{
	std::sort(statuses, statuses + count,
	          [](const MessageStatus &left, const MessageStatus &right) {
		          return left.message_id < right.message_id;
	          });
	auto *sums = static_cast<StatusSum *>(palloc(sizeof(StatusSum) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		const MessageStatus &status = statuses[i];
		if (rank_of(status.report.status) == StatusRank::none)
			continue;
		if (size == 0 || sums[size - 1].message_id != status.message_id)
			sums[size++] = {status.message_id, Progress(), QueueRowState::none, 0};
		add_report(sums[size - 1].progress, status.report);
	}
	if (size == 0)
		return;
	dequeue_messages(sums, size);
	fault_point(FaultPoint::event_dequeued);
	JoinCount progress;
	if (!join_statuses(statuses, count, sums, size, progress))
		apply_again(statuses, count, sums, size, progress);
	learn_persons_of(statuses, count);
}

} // namespace whatsapp::pg
