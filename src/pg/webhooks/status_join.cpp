/*
 * status_join.cpp — the status of a message is a function of the set of its events, whatever their
 * order and number.
 *
 * READ if there is a read, else DELIVERED if there is a delivered, else FAILED if there is a
 * failed, else SENT. A batch is summed by core/progress, and the sum joined with the row by the
 * same rule in SQL: every expression below is a minimum or a maximum. One statement per batch, not
 * per event.
 */
#include "pg/webhooks/status_join.hpp"

#include <algorithm>

#include "pg/people/persons.hpp"
#include "pg/queue/fallback.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/batch_statement.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/webhooks/status_sum.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace whatsapp::pg
{

namespace
{

void
add_message_id(Column &column, const Sum &sum)
{
	column.add(Int64GetDatum(sum.message_id));
}

template <std::int64_t Progress::*time>
void
add_time(Column &column, const Sum &sum)
{
	column.add_time(sum.progress.*time);
}

template <std::string_view Progress::*text>
void
add_text(Column &column, const Sum &sum)
{
	column.add_text(sum.progress.*text);
}

template <std::string_view StatusReport::*text>
void
add_price_text(Column &column, const Sum &sum)
{
	column.add_text(sum.progress.price.*text);
}

/* The platform's times are whole seconds, cut off: never before the message was made. */
#define EARLIEST(column)                                                       \
	"CASE WHEN item." column " IS NULL THEN m." column " ELSE least(m." column \
	", greatest(item." column ", m.created_at)) END"

/* Of two that contradict each other, the one that sorts first, since their order may not decide. */
#define LEAST(column) "least(m." column " COLLATE \"C\", item." column ")"

/* The least of these counts: a full price before a conversation's origin, which is a category
 * alone; then what was told with "delivered" before what was told with "sent"; of two that
 * contradict each other, the one that sorts first. */
#define PRICE_KEY(row)                                                                  \
	"ROW(coalesce(" row ".pricing_type, " row ".pricing_model, " row ".billable::text)" \
	" IS NULL, -coalesce(" row ".pricing_rank, 0),"                                     \
	" coalesce(" row ".pricing_category, '') COLLATE \"C\","                            \
	" coalesce(" row ".pricing_type, '') COLLATE \"C\","                                \
	" coalesce(" row ".pricing_model, '') COLLATE \"C\","                               \
	" coalesce(" row ".billable::integer, -1))"
#define OF_BETTER_PRICE(column)                                               \
	"CASE WHEN item.pricing_rank > 0 AND " PRICE_KEY("item") " < " PRICE_KEY( \
	    "m") " THEN item." column " ELSE m." column " END"

/* The greater one, of whatever status: so no order decides, and no bill is higher. Most statuses
 * tell none, and are asked for nothing more. */
#define OF_GREATER_COST(column, as)                                                              \
	"CASE WHEN item.pricing_cost IS NULL THEN m." column " WHEN m.pricing_cost IS NULL"          \
	"  OR ROW(item.pricing_cost::numeric, item.pricing_currency COLLATE \"C\")"                  \
	"   > ROW(m.pricing_cost, coalesce(m.pricing_currency, '') COLLATE \"C\") THEN item." column \
	    as " ELSE m." column " END"

/* The answer, which would tell them, may never come. */
#define MOST_ATTEMPTS "greatest(m.attempts, item.attempts)"

/* What statuses tell of a message, and how it is joined with the row m. */
constexpr BatchColumn<Sum> progress_columns[] = {
    {"id", bigint_batch, nullptr, add_message_id},
    {"unqueued", boolean_batch, nullptr,
     [](Column &column, const Sum &sum) {
	     column.add(BoolGetDatum(sum.queue_row == QueueRow::removed));
     }},
    {"attempts", integer_batch, MOST_ATTEMPTS,
     [](Column &column, const Sum &sum) { column.add(Int32GetDatum(sum.attempts)); }},
    {"wamid", text_batch, "coalesce(m.wamid, item.wamid)",
     [](Column &column, const Sum &sum) { column.add_identifier(sum.progress.wamid); }},
    /* read implies delivered, and delivered sent, in the sum already */
    {"sent_at", time_batch, EARLIEST("sent_at"), add_time<&Progress::sent_at>},
    {"delivered_at", time_batch, EARLIEST("delivered_at"), add_time<&Progress::delivered_at>},
    {"read_at", time_batch, EARLIEST("read_at"), add_time<&Progress::read_at>},
    {"wa_id", text_batch, LEAST("wa_id"), add_text<&Progress::wa_id>},
    {"user_id", text_batch, LEAST("user_id"), add_text<&Progress::user_id>},
    {"conversation_id", text_batch, LEAST("conversation_id"), add_text<&Progress::conversation_id>},
    {"pricing_category", text_batch, OF_BETTER_PRICE("pricing_category"),
     add_price_text<&StatusReport::pricing_category>},
    {"pricing_type", text_batch, OF_BETTER_PRICE("pricing_type"),
     add_price_text<&StatusReport::pricing_type>},
    {"pricing_model", text_batch, OF_BETTER_PRICE("pricing_model"),
     add_price_text<&StatusReport::pricing_model>},
    {"billable", boolean_batch, OF_BETTER_PRICE("billable"),
     [](Column &column, const Sum &sum) {
	     if (sum.progress.price.billable < 0)
		     column.add_null();
	     else
		     column.add(BoolGetDatum(sum.progress.price.billable == 1));
     }},
    {"pricing_rank", smallint_batch, OF_BETTER_PRICE("pricing_rank"),
     [](Column &column, const Sum &sum) {
	     column.add(Int16GetDatum(static_cast<int16>(sum.progress.price_rank)));
     }},
    {"pricing_cost", text_batch, OF_GREATER_COST("pricing_cost", "::numeric"),
     add_text<&Progress::cost>},
    {"pricing_currency", text_batch, OF_GREATER_COST("pricing_currency", ""),
     add_text<&Progress::currency>}};

#define KEEPS_ERROR(column) \
	"CASE WHEN m.status = 'FAILED' AND item.delivered_at IS NULL THEN m." column " END"

/* A message that waits has a row in the queue. Where none was seen, wa_retry() has committed one
 * since, while we waited for the message: see apply_again(). */
#define WAS_SEEN "(m.status <> 'PENDING' OR item.unqueued)"

/* Messages that have been sent, or more. */
BatchStatement join_progress = {
    "UPDATE @s@.whatsapp_messages AS m SET (@columns@) = ROW(@values@),"
    "  status = CASE WHEN item.read_at IS NOT NULL OR m.status = 'READ' THEN 'READ'"
    "                WHEN item.delivered_at IS NOT NULL OR m.status = 'DELIVERED' THEN 'DELIVERED'"
    "                WHEN m.status = 'FAILED' THEN 'FAILED' ELSE 'SENT' END,"
    "  failed_at = " KEEPS_ERROR("failed_at") ", error_code = " KEEPS_ERROR("error_code") ",  error_message = " KEEPS_ERROR(
        "error_message") ", error_details = " KEEPS_ERROR("error_details") ",  hint = " KEEPS_ERROR("hint") " FROM @batch@ WHERE m.id = item.id AND " WAS_SEEN,
    progress_columns};

struct FailedMessage {
	std::int64_t message_id;
	const StatusReport *report;
	bool unqueued;
	std::int32_t attempts;
};

template <std::string_view StatusReport::*text>
void
add_failure_text(Column &column, const FailedMessage &failure)
{
	column.add_text(failure.report->*text);
}

constexpr BatchColumn<FailedMessage> failure_columns[] = {
    {"id", bigint_batch, nullptr,
     [](Column &column, const FailedMessage &failure) {
	     column.add(Int64GetDatum(failure.message_id));
     }},
    {"unqueued", boolean_batch, nullptr,
     [](Column &column, const FailedMessage &failure) {
	     column.add(BoolGetDatum(failure.unqueued));
     }},
    {"attempts", integer_batch, MOST_ATTEMPTS,
     [](Column &column, const FailedMessage &failure) {
	     column.add(Int32GetDatum(failure.attempts));
     }},
    {"wamid", text_batch, "coalesce(m.wamid, item.wamid)",
     [](Column &column, const FailedMessage &failure) {
	     column.add_identifier(failure.report->wamid);
     }},
    {"failed_at", time_batch, "item.shown_at",
     [](Column &column, const FailedMessage &failure) { column.add_time(failure.report->at); }},
    {"error_code", bigint_batch, as_told,
     [](Column &column, const FailedMessage &failure) {
	     if (failure.report->has_error)
		     column.add(Int64GetDatum(failure.report->error_code));
	     else
		     column.add_null();
     }},
    {"error_message", text_batch, as_told, add_failure_text<&StatusReport::error_message>},
    {"error_details", text_batch, "item.error_details::jsonb",
     add_failure_text<&StatusReport::error_details>},
    {"hint", text_batch, as_told, add_failure_text<&StatusReport::hint>}};

#define FAILURE_REASON(row) \
	"coalesce(" row ".error_code, 0), coalesce(" row ".error_message, '') COLLATE \"C\""

/* Of several failures the earliest is shown; of those that are as old as the message, after which
 * none can be, the one with the least code. One of an older attempt (another wamid, or the message
 * waits to be sent again) is history and not the status. */
BatchStatement join_failures = {
    "UPDATE @s@.whatsapp_messages AS m SET (@columns@) = ROW(@values@), status = 'FAILED'"
    " FROM (SELECT DISTINCT ON (item.id) item.*, greatest(item.failed_at, made.created_at) AS shown_at"
    "   FROM @batch@ JOIN @s@.whatsapp_messages AS made ON made.id = item.id"
    "   WHERE made.wamid IS NULL OR made.wamid = item.wamid"
    "   ORDER BY item.id, shown_at, " FAILURE_REASON(
        "item") ") AS item"
                " WHERE m.id = item.id AND (m.status IN ('PENDING', 'SENT') OR (m.status = 'FAILED'"
                "   AND ROW(item.shown_at, " FAILURE_REASON("item") ") < ROW(m.failed_at, " FAILURE_REASON(
                    "m") ")))"
                         "  AND (m.wamid IS NULL OR m.wamid = item.wamid) AND " WAS_SEEN,
    failure_columns};

struct JoinCount {
	std::size_t wanted;
	std::size_t changed;
};

bool
tells_progress(const Sum &sum)
{
	return sum.progress.sent_at != 0 && sum.queue_row != QueueRow::kept;
}

/* In order of id, as all who lock several messages. */
JoinCount
join_progress_of(const Sum *sums, std::size_t count)
{
	auto **some = static_cast<const Sum **>(palloc(sizeof(Sum *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (tells_progress(sums[i]))
			some[size++] = &sums[i];
	if (size == 0)
		return {0, 0};
	return {size, static_cast<std::size_t>(run_batch_statement(join_progress, some, size).count())};
}

/* Not all of them were changed, nor wait for another attempt: some may have been deleted, or a
 * user's trigger has left one out. */
void
require_changed(const Sum *sums, std::size_t count, std::size_t accounted_for)
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

/* A closed window that the platform tells of late: what is to be sent instead is no failure yet.
 * some: in order of message. */
void
leave_out_fallbacks(const FailedMessage **some, std::size_t &size)
{
	auto *ids = static_cast<std::int64_t *>(palloc(sizeof(std::int64_t) * (size + 1)));
	auto *wamids = static_cast<std::string_view *>(palloc(sizeof(std::string_view) * (size + 1)));
	std::size_t count = 0;
	for (std::size_t i = 0; i < size; i++) {
		if (!some[i]->report->has_error || some[i]->report->error_code != window_closed_code)
			continue;
		ids[count] = some[i]->message_id;
		wamids[count++] = some[i]->report->wamid;
	}
	if (count == 0)
		return;
	auto *fallen_back = static_cast<bool *>(palloc0(sizeof(bool) * count));
	take_late_fallbacks(ids, wamids, count, fallen_back);
	std::size_t kept = 0;
	for (std::size_t i = 0; i < size; i++) {
		const std::int64_t *found = std::lower_bound(ids, ids + count, some[i]->message_id);
		if (found == ids + count || *found != some[i]->message_id || !fallen_back[found - ids])
			some[kept++] = some[i];
	}
	size = kept;
}

/* statuses: in order of message. False when one of them had no row in the queue: most failures are
 * not the earliest of their message, so the number of changed rows tells nothing. */
bool
join_failures_of(const MessageStatus *statuses, std::size_t count, Sum *sums, std::size_t sum_count)
{
	auto *failures = static_cast<FailedMessage *>(palloc(sizeof(FailedMessage) * (count + 1)));
	auto **some =
	    static_cast<const FailedMessage **>(palloc(sizeof(FailedMessage *) * (count + 1)));
	std::size_t size = 0;
	bool all_seen = true;
	for (std::size_t i = 0; i < count; i++) {
		const Sum *sum = rank_of(statuses[i].report.status) == StatusRank::failed
		                     ? find_sum(sums, sum_count, statuses[i].message_id)
		                     : nullptr;
		if (sum == nullptr || sum->queue_row == QueueRow::kept)
			continue;
		failures[size] = {sum->message_id, &statuses[i].report, sum->queue_row == QueueRow::removed,
		                  sum->attempts};
		all_seen = all_seen && failures[size].unqueued;
		some[size] = &failures[size];
		size++;
	}
	leave_out_fallbacks(some, size);
	if (size > 0)
		run_batch_statement(join_failures, some, size);
	return all_seen;
}

/* False when some message may wait though no row of the queue was seen. */
bool
join_statuses(const MessageStatus *statuses, std::size_t count, Sum *sums, std::size_t sum_count,
              JoinCount &progress)
{
	progress = join_progress_of(sums, sum_count);
	return join_failures_of(statuses, count, sums, sum_count) &&
	       progress.changed == progress.wanted;
}

/* Those that wait though no row of the queue was seen, once more: wa_retry() has put one there
 * meanwhile, and it is seen now. */
void
apply_again(const MessageStatus *statuses, std::size_t count, Sum *sums, std::size_t sum_count,
            const JoinCount &before)
{
	static Statement statement = {"SELECT id FROM @s@.whatsapp_messages"
	                              " WHERE id = ANY ($1) AND status = 'PENDING' ORDER BY id",
	                              1,
	                              {INT8ARRAYOID}};
	Column ids(sum_count);
	for (std::size_t i = 0; i < sum_count; i++)
		if (sums[i].queue_row == QueueRow::none)
			ids.add(Int64GetDatum(sums[i].message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	auto *waiting = static_cast<Sum *>(palloc(sizeof(Sum) * (rows.count() + 1)));
	std::size_t size = 0;
	std::size_t accounted_for = before.changed;
	for (uint64 i = 0; i < rows.count(); i++)
		if (const Sum *sum = find_sum(sums, sum_count, rows.int64_at(i, 1))) {
			accounted_for += tells_progress(*sum) ? 1 : 0;
			waiting[size++] = *sum;
		}
	if (accounted_for < before.wanted)
		require_changed(sums, sum_count, accounted_for);
	if (size == 0)
		return;
	dequeue_messages(waiting, size);
	/* where there is none at all, somebody has removed it by hand */
	for (std::size_t i = 0; i < size; i++)
		if (waiting[i].queue_row == QueueRow::none)
			waiting[i].queue_row = QueueRow::removed;
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
		/* the phone is the message's; where the status does not tell it, the message stands for it
		 */
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
	auto *sums = static_cast<Sum *>(palloc(sizeof(Sum) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		const MessageStatus &status = statuses[i];
		if (rank_of(status.report.status) == StatusRank::none)
			continue;
		if (size == 0 || sums[size - 1].message_id != status.message_id)
			sums[size++] = {status.message_id, Progress(), QueueRow::none, 0};
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
