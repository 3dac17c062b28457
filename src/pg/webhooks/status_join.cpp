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

#include "pg/queue/wamids.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/batch_statement.hpp"
#include "pg/server/fault_point.hpp"

namespace whatsapp::pg
{

namespace
{

struct Sum {
	std::int64_t message_id;
	Progress progress;
	const char *queued; /* state of its row in the queue, NULL when it has none (any more) */
};

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

template <std::string_view StatusReport::*text>
void
add_failure_text(Column &column, const MessageStatus &failure)
{
	column.add_text(failure.report.*text);
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

/* What statuses tell of a message, and how it is joined with the row m. */
constexpr BatchColumn<Sum> progress_columns[] = {
    {"id", bigint_batch, nullptr, add_message_id},
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
     }}};

#define KEEPS_ERROR(column) \
	"CASE WHEN m.status = 'FAILED' AND item.delivered_at IS NULL THEN m." column " END"

/* Messages that have been sent, or more. */
BatchStatement join_progress = {
    "UPDATE @s@.whatsapp_messages AS m SET (@columns@) = ROW(@values@),"
    "  status = CASE WHEN item.read_at IS NOT NULL OR m.status = 'READ' THEN 'READ'"
    "                WHEN item.delivered_at IS NOT NULL OR m.status = 'DELIVERED' THEN 'DELIVERED'"
    "                WHEN m.status = 'FAILED' THEN 'FAILED' ELSE 'SENT' END,"
    "  failed_at = " KEEPS_ERROR("failed_at") ", error_code = " KEEPS_ERROR("error_code") ",  error_message = " KEEPS_ERROR(
        "error_message") ", error_details = " KEEPS_ERROR("error_details") ",  hint = " KEEPS_ERROR("hint") " FROM @batch@ WHERE m.id = item.id",
    progress_columns};

constexpr BatchColumn<MessageStatus> failure_columns[] = {
    {"id", bigint_batch, nullptr,
     [](Column &column, const MessageStatus &failure) {
	     column.add(Int64GetDatum(failure.message_id));
     }},
    {"wamid", text_batch, "coalesce(m.wamid, item.wamid)",
     [](Column &column, const MessageStatus &failure) {
	     column.add_identifier(failure.report.wamid);
     }},
    {"failed_at", time_batch, "item.shown_at",
     [](Column &column, const MessageStatus &failure) { column.add_time(failure.report.at); }},
    {"error_code", bigint_batch, as_told,
     [](Column &column, const MessageStatus &failure) {
	     if (failure.report.has_error)
		     column.add(Int64GetDatum(failure.report.error_code));
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
                         "  AND (m.wamid IS NULL OR m.wamid = item.wamid)",
    failure_columns};

Sum *
find_sum(Sum *sums, std::size_t count, std::int64_t message_id)
{
	return std::lower_bound(sums, sums + count, message_id,
	                        [](const Sum &sum, std::int64_t id) { return sum.message_id < id; });
}

/* What is known about this attempt: it must not be sent again. A failure says nothing of an attempt
 * that is yet to come, nor does a late "sent" of an attempt that failed. */
#define OF_SETTLED                                                                          \
	" FROM @s@.whatsapp_queue AS q WHERE q.message_id = $1 AND ($4"                         \
	"  OR ($3 AND NOT EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.message_id = $1" \
	"   AND e.wamid = $2 AND e.status = 'failed')) OR (NOT $3 AND q.state <> 'ready'))"

void
dequeue_message(Sum &sum)
{
	static Statement dequeue = {"DELETE" OF_SETTLED, 4, {INT8OID, TEXTOID, BOOLOID, BOOLOID}};
	static Statement left = {"SELECT 1" OF_SETTLED, 4, {INT8OID, TEXTOID, BOOLOID, BOOLOID}};
	const Progress &progress = sum.progress;
	Values values;
	values.set(0, Int64GetDatum(sum.message_id));
	values.set_identifier(1, progress.wamid);
	values.set(2, BoolGetDatum(progress.sent_at != 0));
	values.set(3, BoolGetDatum(progress.delivered_at != 0));
	if (run_statement(dequeue, values).count() > 0)
		sum.queued = nullptr;
	else if (!run_statement(left, values).empty())
		raise_left_out("whatsapp_queue");
}

/* A message in the queue has no wamid yet, as a rule: the webhook has overtaken the answer. */
void
remember_wamid(const Sum &sum)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_wamids (hash, message_id, generation)"
	    " SELECT hashtextextended($2, 0), $1, " NEWEST_GENERATION
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_wamids WHERE generation = ANY (" GENERATIONS_FROM(
	        "$1 >> 18") ")"
	                    "  AND hash = hashtextextended($2, 0) AND message_id = $1)",
	    2,
	    {INT8OID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(sum.message_id));
	values.set_identifier(1, sum.progress.wamid);
	run_statement(statement, values);
}

/* Nearly always there is nothing in the queue: it was settled by the answer, long before. */
void
dequeue_messages(Sum *sums, std::size_t count)
{
	static Statement statement = {"SELECT message_id, state FROM @s@.whatsapp_queue"
	                              " WHERE message_id = ANY ($1) ORDER BY message_id FOR UPDATE",
	                              1,
	                              {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		ids.add(Int64GetDatum(sums[i].message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		Sum &sum = *find_sum(sums, count, rows.int64_at(i, 1));
		sum.queued = rows.text_at(i, 2);
		dequeue_message(sum);
		remember_wamid(sum);
	}
}

/* What is still in the queue is a new attempt, and its row is its own. */
bool
tells_progress(const Sum &sum)
{
	return sum.progress.sent_at != 0 && sum.queued == nullptr;
}

/* Not all of them were changed: some may have been deleted, or a user's trigger has left one out.
 */
void
require_changed(const Sum *const *sums, std::size_t count, std::uint64_t changed)
{
	static Statement existing = {
	    "SELECT count(*) FROM @s@.whatsapp_messages WHERE id = ANY ($1)", 1, {INT8ARRAYOID}};
	Column ids(count);
	for (std::size_t i = 0; i < count; i++)
		ids.add(Int64GetDatum(sums[i]->message_id));
	Values values;
	values.set(0, ids.array(INT8OID));
	if (run_statement(existing, values).int64_at(0, 1) > static_cast<std::int64_t>(changed))
		raise_left_out("whatsapp_messages");
}

/* In order of id, as all who lock several messages. */
void
join_progress_of(const Sum *sums, std::size_t count)
{
	auto **some = static_cast<const Sum **>(palloc(sizeof(Sum *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (tells_progress(sums[i]))
			some[size++] = &sums[i];
	if (size == 0)
		return;
	const std::uint64_t changed = run_batch_statement(join_progress, some, size).count();
	if (changed < size)
		require_changed(some, size, changed);
}

bool
waits_to_be_sent(const Sum &sum)
{
	return sum.queued != nullptr && strcmp(sum.queued, "ready") == 0;
}

/* statuses: in order of message, each of which has a sum. */
void
join_failures_of(const MessageStatus *statuses, std::size_t count, Sum *sums, std::size_t sum_count)
{
	auto **some =
	    static_cast<const MessageStatus **>(palloc(sizeof(MessageStatus *) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rank_of(statuses[i].report.status) == StatusRank::failed &&
		    !waits_to_be_sent(*find_sum(sums, sum_count, statuses[i].message_id)))
			some[size++] = &statuses[i];
	if (size > 0)
		run_batch_statement(join_failures, some, size);
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
			sums[size++] = {status.message_id, Progress(), nullptr};
		add_report(sums[size - 1].progress, status.report);
	}
	if (size == 0)
		return;
	dequeue_messages(sums, size);
	fault_point(FaultPoint::event_dequeued);
	join_progress_of(sums, size);
	join_failures_of(statuses, count, sums, size);
}

} // namespace whatsapp::pg
