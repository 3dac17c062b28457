/*
 * statuses.cpp — the status of a message is a function of the set of its events, whatever their
 * order and number.
 *
 * READ if there is a read, else DELIVERED if there is a delivered, else FAILED if there is a
 * failed, else SENT. A batch is summed by core/progress, and the sum joined with the row by the
 * same rule in SQL: every expression below is a minimum or a maximum. One statement per batch, not
 * per event; and none for rows of the usual kind (status_rows.hpp).
 */
#include "pg/webhooks/statuses.hpp"

#include <algorithm>
#include <utility>

#include "core/webhook/progress.hpp"

#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/webhooks/status_rows.hpp"
#include "pg/queue/wamids.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

/* rows after one that needs a statement, that take part in it: see apply_progress() */
constexpr std::size_t max_left = 32;

struct Sum {
	std::int64_t message_id;
	Progress progress;
	const char *queued; /* state of its row in the queue, NULL when it has none (any more) */
};

std::string_view
view_of(const char *text)
{
	return text == nullptr ? std::string_view() : std::string_view(text);
}

StatusReport
report_of(const StatusOf &item)
{
	const Event &event = *item.event;
	StatusReport report;
	report.wamid = view_of(event.wamid);
	report.status = view_of(event.status);
	report.at = event.timestamp > 0 ? event.timestamp : item.received_at;
	report.wa_id = view_of(event.wa_id);
	report.user_id = view_of(event.user_id);
	report.conversation_id = view_of(event.conversation_id);
	report.pricing_category = view_of(event.pricing_category);
	report.pricing_type = view_of(event.pricing_type);
	report.pricing_model = view_of(event.pricing_model);
	report.billable = event.billable;
	report.has_error = event.has_error;
	report.error_code = event.error_code;
	report.error_message = view_of(event.error_message);
	report.error_details = view_of(event.error_details);
	report.hint = view_of(event.hint);
	return report;
}

Sum *
find_sum(Sum *sums, std::size_t count, std::int64_t message_id)
{
	return std::lower_bound(sums, sums + count, message_id,
	                        [](const Sum &sum, std::int64_t id) { return sum.message_id < id; });
}

/* What is known about this attempt: it must not be sent again. A failure says nothing of an attempt
 * that is yet to come, nor does a late "sent" of an attempt that failed. */
void
dequeue(std::int64_t message_id, Sum &sum)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_queue AS q WHERE q.message_id = $1 AND ($4"
	    "  OR ($3 AND NOT EXISTS (SELECT FROM @s@.whatsapp_events AS e WHERE e.message_id = $1 AND e.wamid = $2 AND e.status = 'failed'))"
	    "  OR (NOT $3 AND q.state <> 'ready'))",
	    4,
	    {INT8OID, TEXTOID, BOOLOID, BOOLOID}};
	const Progress &progress = sum.progress;
	Values values;
	values.set(0, Int64GetDatum(message_id));
	values.set_identifier(1, progress.wamid.data());
	values.set(2, BoolGetDatum(progress.sent_at != 0));
	values.set(3, BoolGetDatum(progress.delivered_at != 0));
	if (!run_statement(statement, values).empty())
		sum.queued = nullptr;
}

/* A message in the queue has no wamid yet, as a rule: the webhook has overtaken the answer. */
void
remember(std::int64_t message_id, const Progress &progress)
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
	values.set(0, Int64GetDatum(message_id));
	values.set_identifier(1, progress.wamid.data());
	run_statement(statement, values);
}

/* Nearly always there is nothing in the queue: it was settled by the answer, long before. */
void
dequeue_all(Sum *sums, std::size_t count)
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
		const std::int64_t message_id = rows.int64_at(i, 1);
		Sum *sum = find_sum(sums, count, message_id);
		sum->queued = rows.text_at(i, 2);
		dequeue(message_id, *sum);
		remember(message_id, sum->progress);
	}
}

/* What was told with "delivered" counts more than what was told with "sent"; of two that contradict
 * each other, the one that sorts first, since their order may not decide. */
#define BETTER                                                                                    \
	"(a.price_rank > coalesce(m.pricing_rank, 0) OR (a.price_rank = coalesce(m.pricing_rank, -1)" \
	"  AND ROW(a.category, a.type, a.model, a.billable) < ROW(coalesce(m.pricing_category, ''), " \
	"coalesce(m.pricing_type, ''),"                                                               \
	"   coalesce(m.pricing_model, ''), coalesce(m.billable::integer, -1))))"

#define KEEPS_ERROR "m.status = 'FAILED' AND a.delivered_at IS NULL AND a.read_at IS NULL"

/* sums: those that are to be joined. */
void
join_by_statement(const Sum *const *sums, std::size_t count)
{
	/* The platform's times are whole seconds, cut off: never before the message was made. */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_messages AS m SET"
	    "  status = CASE WHEN a.read_at IS NOT NULL OR m.status = 'READ' THEN 'READ'"
	    "                WHEN a.delivered_at IS NOT NULL OR m.status = 'DELIVERED' THEN 'DELIVERED'"
	    "                WHEN m.status = 'FAILED' THEN 'FAILED' ELSE 'SENT' END,"
	    "  sent_at = least(m.sent_at, greatest(a.sent_at, m.created_at)),"
	    "  delivered_at = CASE WHEN a.delivered_at IS NULL THEN m.delivered_at"
	    "                      ELSE least(m.delivered_at, greatest(a.delivered_at, m.created_at)) END,"
	    "  read_at = CASE WHEN a.read_at IS NULL THEN m.read_at ELSE least(m.read_at, greatest(a.read_at, m.created_at)) END,"
	    "  failed_at = CASE WHEN " KEEPS_ERROR
	    " THEN m.failed_at END, error_code = CASE WHEN " KEEPS_ERROR
	    " THEN m.error_code END, error_message = CASE WHEN " KEEPS_ERROR
	    " THEN m.error_message END, error_details = CASE WHEN " KEEPS_ERROR
	    " THEN m.error_details END, hint = CASE WHEN " KEEPS_ERROR
	    " THEN m.hint END, wamid = coalesce(m.wamid, a.wamid),"
	    "  wa_id = least(m.wa_id COLLATE \"C\", a.wa_id), user_id = least(m.user_id COLLATE \"C\", a.user_id),"
	    "  conversation_id = least(m.conversation_id COLLATE \"C\", a.conversation_id),"
	    "  pricing_category = CASE WHEN " BETTER
	    " THEN nullif(a.category, '') ELSE m.pricing_category END, pricing_type = CASE WHEN " BETTER
	    " THEN nullif(a.type, '') ELSE m.pricing_type END, pricing_model = CASE WHEN " BETTER
	    " THEN nullif(a.model, '') ELSE m.pricing_model END, billable = CASE WHEN " BETTER
	    " THEN nullif(a.billable, -1)::boolean ELSE m.billable END, pricing_rank = CASE WHEN " BETTER
	    " THEN a.price_rank ELSE m.pricing_rank END"
	    " FROM (SELECT id, wamid, sent_at, delivered_at, read_at, wa_id, user_id, conversation_id, price_rank,"
	    "   category COLLATE \"C\" AS category, type COLLATE \"C\" AS type, model COLLATE \"C\" AS model, billable"
	    "  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	    "  AS u (id, wamid, sent_at, delivered_at, read_at, wa_id, user_id, conversation_id, price_rank, category, type, model, billable)) AS a"
	    " WHERE m.id = a.id",
	    13,
	    {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
	     TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	     TEXTARRAYOID, INT4ARRAYOID}};
	static constexpr Oid elements[13] = {
	    INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID,
	    TEXTOID, INT4OID, TEXTOID,        TEXTOID,        TEXTOID,        INT4OID};
	const std::size_t n = count;
	Column columns[13] = {Column(n), Column(n), Column(n), Column(n), Column(n),
	                      Column(n), Column(n), Column(n), Column(n), Column(n),
	                      Column(n), Column(n), Column(n)};
	for (std::size_t i = 0; i < count; i++) {
		const Progress &progress = sums[i]->progress;
		columns[0].add(Int64GetDatum(sums[i]->message_id));
		columns[1].add_identifier(progress.wamid.data());
		columns[2].add_time(progress.sent_at);
		/* read implies delivered, in the sum already */
		columns[3].add_time(progress.delivered_at);
		columns[4].add_time(progress.read_at);
		columns[5].add_text(progress.wa_id);
		columns[6].add_text(progress.user_id);
		columns[7].add_text(progress.conversation_id);
		columns[8].add(Int32GetDatum(static_cast<int>(progress.price_rank)));
		for (const auto &[place, text] : {std::pair(9, progress.price.pricing_category),
		                                  std::pair(10, progress.price.pricing_type),
		                                  std::pair(11, progress.price.pricing_model)})
			columns[place].add(PointerGetDatum(
			    cstring_to_text_with_len(text.data(), static_cast<int>(text.size()))));
		columns[12].add(Int32GetDatum(progress.price.billable));
	}
	Values values;
	for (int i = 0; i < 13; i++)
		values.set(i, columns[i].array(elements[i]));
	run_statement(statement, values);
}

/* In order of id, however a row is written. */
void
apply_progress(const Sum *sums, std::size_t count)
{
	auto **left = static_cast<const Sum **>(palloc(sizeof(Sum *) * (count + 1)));
	std::size_t left_count = 0;
	const auto flush = [&] {
		if (left_count > 0)
			join_by_statement(left, left_count);
		left_count = 0;
	};
	PlainTable messages;
	const bool directly = begin_joining(messages);
	for (std::size_t i = 0; i < count; i++) {
		/* what is still in the queue is a new attempt, and the row is its own */
		if (sums[i].progress.sent_at == 0 || sums[i].queued != nullptr)
			continue;
		if (directly && left_count == 0 &&
		    join(messages, sums[i].message_id, sums[i].progress) == Joined::done)
			continue;
		left[left_count++] = &sums[i];
		if (directly && left_count == max_left)
			flush();
	}
	flush();
	if (!directly)
		return;
	messages.close();
	CommandCounterIncrement();
}

void
apply_failures(const Sum *sums, std::size_t count)
{
	/* of several failures the earliest is shown; one of an older attempt (another wamid, or the
	 * message waits to be sent again) is history and not the status */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'FAILED', failed_at = a.failed_at, error_code = a.code,"
	    "  error_message = a.message, error_details = a.details::jsonb, hint = a.hint, wamid = coalesce(m.wamid, a.wamid)"
	    " FROM unnest($1, $2, $3, $4, $5, $6, $7) AS a (id, wamid, failed_at, code, message, details, hint)"
	    " WHERE m.id = a.id AND (m.status IN ('PENDING', 'SENT') OR (m.status = 'FAILED'"
	    "   AND ROW(a.failed_at, coalesce(a.code, 0), coalesce(a.message, '') COLLATE \"C\")"
	    "     < ROW(m.failed_at, coalesce(m.error_code, 0), coalesce(m.error_message, '') COLLATE \"C\")))"
	    "  AND (m.wamid IS NULL OR m.wamid = a.wamid)",
	    7,
	    {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	     TEXTARRAYOID}};
	Column ids(count);
	Column wamids(count);
	Column times(count);
	Column codes(count);
	Column messages(count);
	Column details(count);
	Column hints(count);
	for (std::size_t i = 0; i < count; i++) {
		const StatusReport &failure = sums[i].progress.failure;
		const bool waits = sums[i].queued != nullptr && strcmp(sums[i].queued, "ready") == 0;
		if (!sums[i].progress.failed || waits)
			continue;
		ids.add(Int64GetDatum(sums[i].message_id));
		wamids.add_identifier(failure.wamid.data());
		times.add_time(failure.at);
		if (failure.has_error)
			codes.add(Int64GetDatum(failure.error_code));
		else
			codes.add_null();
		messages.add_text(failure.error_message);
		details.add_text(failure.error_details);
		hints.add_text(failure.hint);
	}
	if (ids.count() == 0)
		return;
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, wamids.array(TEXTOID));
	values.set(2, times.array(TIMESTAMPTZOID));
	values.set(3, codes.array(INT8OID));
	values.set(4, messages.array(TEXTOID));
	values.set(5, details.array(TEXTOID));
	values.set(6, hints.array(TEXTOID));
	run_statement(statement, values);
}

} // namespace

void
apply_statuses(StatusOf *items, std::size_t count)
{
	std::sort(items, items + count, [](const StatusOf &left, const StatusOf &right) {
		return left.message_id < right.message_id;
	});
	auto *sums = static_cast<Sum *>(palloc(sizeof(Sum) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		if (rank_of(view_of(items[i].event->status)) == StatusRank::none)
			continue;
		if (size == 0 || sums[size - 1].message_id != items[i].message_id)
			sums[size++] = {items[i].message_id, Progress(), nullptr};
		add(sums[size - 1].progress, report_of(items[i]));
	}
	if (size == 0)
		return;
	dequeue_all(sums, size);
	fault_point(FaultPoint::event_dequeued);
	apply_progress(sums, size);
	apply_failures(sums, size);
}

} // namespace whatsapp::pg
