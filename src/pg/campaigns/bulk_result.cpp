/*
 * bulk_result.cpp — sums, and the statements that say what they cost.
 */
#include "pg/campaigns/bulk_result.hpp"

#include "pg/campaigns/bulk_order.hpp"
#include "pg/campaigns/campaign_window.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int most_problems = 30;
constexpr int most_examples = 20;
constexpr int most_example_bytes = 64;

} // namespace

struct BulkProblem {
	Failure why;
	std::int64_t recipients;
	int examples;
	char *example[most_examples];
};

namespace
{

bool
is_same_failure(const Failure &left, const Failure &right)
{
	return left.sqlstate == right.sqlstate && strcmp(left.message, right.message) == 0 &&
	       strcmp(left.detail, right.detail) == 0;
}

BulkProblem &
find_problem(BulkOrder &order, const Failure &why)
{
	for (int i = 0; i < order.problem_count; i++)
		if (is_same_failure(order.problem[i].why, why) || i == most_problems - 1)
			return order.problem[i];
	BulkProblem &added = order.problem[order.problem_count++];
	added = {why, 0, 0, {}};
	if (order.problem_count == most_problems) {
		added.why = {};
		added.why.sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
		strlcpy(added.why.message, "other problems", sizeof added.why.message);
	}
	return added;
}

} // namespace

void
note_bulk_problem(BulkOrder &order, const Failure &why, const char *phone)
{
	MemoryContext before = MemoryContextSwitchTo(order.memory);
	if (order.problem == nullptr)
		order.problem = static_cast<BulkProblem *>(palloc(sizeof(BulkProblem) * most_problems));
	BulkProblem &problem = find_problem(order, why);
	problem.recipients++;
	if (phone != nullptr && problem.examples < most_examples)
		problem.example[problem.examples++] =
		    pnstrdup(phone, static_cast<Size>(pg_mbcliplen(phone, static_cast<int>(strlen(phone)),
		                                                   most_example_bytes)));
	MemoryContextSwitchTo(before);
}

std::int64_t
next_campaign_id()
{
	static Statement statement = {
	    "SELECT nextval((@t@ || '.whatsapp_campaigns_id_seq')::regclass)", 0, {}};
	return run_statement(statement, Values()).int64_at(0, 1);
}

namespace
{

Datum
text_of(const char *text)
{
	return CStringGetTextDatum(text);
}

/* The value, in the order's memory; 0 for NULL. */
std::uintptr_t
kept_json(const BulkOrder &order, const Result &found)
{
	if (found.empty() || found.is_null(0, 1))
		return 0;
	MemoryContext before = MemoryContextSwitchTo(order.memory);
	const Datum kept = datumCopy(found.datum_at(0, 1, JSONBOID), false, -1);
	MemoryContextSwitchTo(before);
	return kept;
}

std::uintptr_t
list_problems(const BulkOrder &order)
{
	static Statement statement = {
	    "SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('sqlstate', p.state, 'problem', p.message, 'detail', nullif(p.detail, ''),"
	    "  'hint', nullif(p.hint, ''), 'recipients', p.recipients, 'phones', e.phones)) ORDER BY p.recipients DESC, p.place)"
	    " FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS p (state, message, detail, hint, recipients, place)"
	    " LEFT JOIN LATERAL (SELECT jsonb_agg(e.phone ORDER BY e.number) AS phones"
	    "  FROM unnest($6, $7) WITH ORDINALITY AS e (problem, phone, number) WHERE e.problem = p.place) AS e ON true",
	    7,
	    {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	     TEXTARRAYOID},
	    true};
	Column states(most_problems);
	Column messages(most_problems);
	Column details(most_problems);
	Column hints(most_problems);
	Column counts(most_problems);
	Column places(most_problems * most_examples);
	Column phones(most_problems * most_examples);
	for (int i = 0; i < order.problem_count; i++) {
		const BulkProblem &problem = order.problem[i];
		states.add(text_of(unpack_sql_state(problem.why.sqlstate)));
		messages.add(text_of(problem.why.message));
		details.add(text_of(problem.why.detail));
		hints.add(text_of(problem.why.hint));
		counts.add(Int64GetDatum(problem.recipients));
		for (int j = 0; j < problem.examples; j++) {
			places.add(Int64GetDatum(i + 1));
			phones.add(text_of(problem.example[j]));
		}
	}
	Values values;
	values.set(0, states.array(TEXTOID));
	values.set(1, messages.array(TEXTOID));
	values.set(2, details.array(TEXTOID));
	values.set(3, hints.array(TEXTOID));
	values.set(4, counts.array(INT8OID));
	values.set(5, places.array(INT8OID));
	values.set(6, phones.array(TEXTOID));
	return kept_json(order, run_statement(statement, values));
}

/* The cost by markets, for the category that the template has, as far as Meta has told it. */
std::uintptr_t
estimate_cost(const BulkOrder &order)
{
	static Statement statement = {
	    "SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(e)))"
	    " FROM (SELECT CASE WHEN $3::text IS NULL THEN 'service' ELSE"
	    "   (SELECT " LOWER_WORD(
	        "t.category") " FROM @s@.whatsapp_templates AS t WHERE t.name = $3 AND t.language = $4 AND t.account IS NOT DISTINCT FROM"
	                      "     (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $5)) END AS category) AS c"
	                      " CROSS JOIN LATERAL @s@.whatsapp_estimate_groups($1, $2, c.category, greatest($6, now()), $5) AS e",
	    6,
	    {TEXTARRAYOID, INT8ARRAYOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
	const auto size = static_cast<std::size_t>(hash_get_num_entries(order.prefixes));
	Column prefixes(size);
	Column counts(size);
	HASH_SEQ_STATUS scan;
	hash_seq_init(&scan, order.prefixes);
	while (const auto *entry = static_cast<const BulkPrefix *>(hash_seq_search(&scan))) {
		prefixes.add(text_of(entry->prefix));
		counts.add(Int64GetDatum(entry->messages));
	}
	Values values;
	values.set(0, prefixes.array(TEXTOID));
	values.set(1, counts.array(INT8OID));
	values.set_text(2, order.message.template_name);
	values.set_text(3, order.message.template_language);
	values.set_text(4, order.message.sender);
	if (order.message.has_send_at)
		values.set(5, TimestampTzGetDatum(order.message.send_at));
	return kept_json(order, run_statement(statement, values));
}

/* Fills in the sender's messaging limit, and how long sending takes at its rate: in a dry run
 * behind all that waits for it already. */
void
look_at_sender(BulkOrder &order)
{
	static Statement statement = {
	    "SELECT s.messaging_limit, coalesce(s.messages_per_second, $2)"
	    " FROM (VALUES (1)) AS one LEFT JOIN @s@.whatsapp_senders AS s ON s.name = $1",
	    2,
	    {TEXTOID, INT4OID}};
	static Statement waiting = {
	    "SELECT count(*) FROM @s@.whatsapp_queue WHERE sender = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, order.message.sender);
	values.set(1, Int32GetDatum(settings.messages_per_second));
	const Result found = run_statement(statement, values);
	const char *limit = found.text_at(0, 1);
	order.messaging_limit = limit == nullptr ? nullptr : MemoryContextStrdup(order.memory, limit);
	const int pace = found.int32_at(0, 2);
	if (pace == 0)
		return;
	std::int64_t messages = order.queued;
	if (order.dry_run)
		messages += run_statement(waiting, values).int64_at(0, 1);
	order.seconds = static_cast<double>(messages) / pace;
}

void
insert_campaign(const BulkOrder &order)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_campaign_definitions"
	    " (id, name, sender, template_name, template_language, send_at, planned, duplicates, estimate, send_window, time_zone)"
	    " VALUES ($1, coalesce($2, 'campaign ' || $1), $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	    11,
	    {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, JSONBOID,
	     TEXTOID, TEXTOID}};
	Values values;
	values.set(0, Int64GetDatum(order.message.campaign_id));
	values.set_text(1, order.name);
	values.set_text(2, order.message.sender);
	values.set_text(3, order.message.template_name);
	values.set_text(4, order.message.template_language);
	if (order.message.has_send_at)
		values.set(5, TimestampTzGetDatum(order.message.send_at));
	values.set(6, Int64GetDatum(order.read - order.duplicates));
	values.set(7, Int64GetDatum(order.duplicates));
	if (order.cost != 0)
		values.set(8, order.cost);
	values.set_text(9, order.send_window);
	values.set_text(10, order.time_zone);
	(void)run_statement(statement, values);
	keep_to_window(order.message.campaign_id);
	wake_reader_at_commit();
}

} // namespace

void
end_bulk(BulkOrder &order)
{
	if (order.problem_count > 0)
		order.problems = list_problems(order);
	order.cost = estimate_cost(order);
	look_at_sender(order);
	if (!order.dry_run)
		insert_campaign(order);
}

} // namespace whatsapp::pg
