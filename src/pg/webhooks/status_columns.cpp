/*
 * status_columns.cpp — every rule is a minimum or a maximum, as in core/webhook/progress.cpp: what
 * is stored does not depend on the order in which statuses come.
 */
#include "pg/webhooks/status_columns.hpp"

#include "pg/server/batch_statement.hpp"

namespace whatsapp::pg
{

namespace
{

const StatusSum &
sum_of(const StatusSum &sum)
{
	return sum;
}

const StatusSum &
sum_of(const FailedMessage &failure)
{
	return *failure.sum;
}

const StatusFacts<std::string_view> &
facts_of(const StatusSum &sum)
{
	return sum.progress.told;
}

const StatusReport &
facts_of(const FailedMessage &failure)
{
	return *failure.report;
}

template <typename Item, auto text>
void
add_text(Column &column, const Item &item)
{
	column.add_text(facts_of(item).*text);
}

template <std::int64_t Progress::*time>
void
add_time(Column &column, const StatusSum &sum)
{
	column.add_time(sum.progress.*time);
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

/* The greater cost is kept, with whichever status it came: so it does not depend on their order,
 * and no bill is higher. Most statuses tell no cost, and the first WHEN ends the question for
 * them. */
#define OF_GREATER_COST(column, as)                                                              \
	"CASE WHEN item.pricing_cost IS NULL THEN m." column " WHEN m.pricing_cost IS NULL"          \
	"  OR ROW(item.pricing_cost::numeric, item.pricing_currency COLLATE \"C\")"                  \
	"   > ROW(m.pricing_cost, coalesce(m.pricing_currency, '') COLLATE \"C\") THEN item." column \
	    as " ELSE m." column " END"

/* The answer of the platform, by which attempts are counted, may never come. */
#define MOST_ATTEMPTS "greatest(m.attempts, item.attempts)"

/* The columns that both batches have. */
template <typename Item>
constexpr BatchColumn<Item> id_column = {
    "id", bigint_batch, nullptr,
    [](Column &column, const Item &item) { column.add(Int64GetDatum(sum_of(item).message_id)); }};
template <typename Item>
constexpr BatchColumn<Item> unqueued_column = {
    "unqueued", boolean_batch, nullptr, [](Column &column, const Item &item) {
	    column.add(BoolGetDatum(sum_of(item).queue_row == QueueRowState::removed));
    }};
template <typename Item>
constexpr BatchColumn<Item> attempts_column = {
    "attempts", integer_batch, MOST_ATTEMPTS,
    [](Column &column, const Item &item) { column.add(Int32GetDatum(sum_of(item).attempts)); }};
template <typename Item>
constexpr BatchColumn<Item> wamid_column = {
    "wamid", text_batch, "coalesce(m.wamid, item.wamid)",
    [](Column &column, const Item &item) { column.add_identifier(facts_of(item).wamid); }};

template <auto text> constexpr auto add_told_text = add_text<StatusSum, text>;
using StatusViews = StatusFacts<std::string_view>;

/* What statuses tell of a message, and how it is joined with the row m. */
constexpr BatchColumn<StatusSum> progress_columns[] = {
    id_column<StatusSum>,
    unqueued_column<StatusSum>,
    attempts_column<StatusSum>,
    wamid_column<StatusSum>,
    /* read implies delivered, and delivered sent, in the sum already */
    {"sent_at", time_batch, EARLIEST("sent_at"), add_time<&Progress::sent_at>},
    {"delivered_at", time_batch, EARLIEST("delivered_at"), add_time<&Progress::delivered_at>},
    {"read_at", time_batch, EARLIEST("read_at"), add_time<&Progress::read_at>},
    {"wa_id", text_batch, LEAST("wa_id"), add_told_text<&StatusViews::wa_id>},
    {"user_id", text_batch, LEAST("user_id"), add_told_text<&StatusViews::user_id>},
    {"conversation_id", text_batch, LEAST("conversation_id"),
     add_told_text<&StatusViews::conversation_id>},
    {"pricing_category", text_batch, OF_BETTER_PRICE("pricing_category"),
     add_told_text<&StatusViews::pricing_category>},
    {"pricing_type", text_batch, OF_BETTER_PRICE("pricing_type"),
     add_told_text<&StatusViews::pricing_type>},
    {"pricing_model", text_batch, OF_BETTER_PRICE("pricing_model"),
     add_told_text<&StatusViews::pricing_model>},
    {"billable", boolean_batch, OF_BETTER_PRICE("billable"),
     [](Column &column, const StatusSum &sum) {
	     if (sum.progress.told.billable < 0)
		     column.add_null();
	     else
		     column.add(BoolGetDatum(sum.progress.told.billable == 1));
     }},
    {"pricing_rank", smallint_batch, OF_BETTER_PRICE("pricing_rank"),
     [](Column &column, const StatusSum &sum) {
	     column.add(Int16GetDatum(static_cast<int16>(sum.progress.price_rank)));
     }},
    {"pricing_cost", text_batch, OF_GREATER_COST("pricing_cost", "::numeric"),
     add_told_text<&StatusViews::pricing_cost>},
    {"pricing_currency", text_batch, OF_GREATER_COST("pricing_currency", ""),
     add_told_text<&StatusViews::pricing_currency>}};

#define KEEPS_ERROR(column) \
	"CASE WHEN m.status = 'FAILED' AND item.delivered_at IS NULL THEN m." column " END"

/* A message that waits has a row in the queue. When dequeue_messages() has seen none, wa_retry()
 * has committed one since, while we waited for the row of the message: see apply_again(). */
#define WAS_SEEN "(m.status <> 'PENDING' OR item.unqueued)"

/* Messages that have been sent, or more. */
BatchStatement progress_statement = {
    "UPDATE @s@.whatsapp_messages AS m SET (@columns@) = ROW(@values@),"
    "  status = CASE WHEN item.read_at IS NOT NULL OR m.status = 'READ' THEN 'READ'"
    "                WHEN item.delivered_at IS NOT NULL OR m.status = 'DELIVERED' THEN 'DELIVERED'"
    "                WHEN m.status = 'FAILED' THEN 'FAILED' ELSE 'SENT' END,"
    "  failed_at = " KEEPS_ERROR("failed_at") ", error_code = " KEEPS_ERROR("error_code") ",  error_message = " KEEPS_ERROR(
        "error_message") ", error_details = " KEEPS_ERROR("error_details") ",  hint = " KEEPS_ERROR("hint") " FROM @batch@ WHERE m.id = item.id AND " WAS_SEEN,
    progress_columns};

template <auto text> constexpr auto add_failure_text = add_text<FailedMessage, text>;

constexpr BatchColumn<FailedMessage> failure_columns[] = {
    id_column<FailedMessage>,
    unqueued_column<FailedMessage>,
    attempts_column<FailedMessage>,
    wamid_column<FailedMessage>,
    {"failed_at", time_batch, "item.shown_at",
     [](Column &column, const FailedMessage &failure) {
	     column.add_time(failure.report->timestamp);
     }},
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

/* Of several failures the earliest is shown. None can be older than its message: of those that
 * claim to be as old or older, the one with the least code is shown. A failure of an older attempt
 * (with another wamid, or while the message waits to be sent again) is history, and does not change
 * the status. */
BatchStatement failure_statement = {
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

} // namespace

std::size_t
join_progress(const StatusSum *const *sums, std::size_t count)
{
	return static_cast<std::size_t>(run_batch_statement(progress_statement, sums, count).count());
}

void
join_failures(const FailedMessage *const *failures, std::size_t count)
{
	run_batch_statement(failure_statement, failures, count);
}

} // namespace whatsapp::pg
