/*
 * gauges.cpp — a few statements, one of which reads the whole queue: the caller sees to it that
 * they do not take too much of the time.
 */
#include "pg/counts/gauges.hpp"

#include "pg/server/counters.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

double
time_at(const Result &rows, uint64 row, int column)
{
	return rows.is_null(row, column) ? 0 : unix_seconds(rows.int64_at(row, column));
}

void
count_queue()
{
	static Statement statement = {
	    "SELECT sender, priority, state, count(*), min(due_at) FILTER (WHERE"
	    "  (campaign_id = ANY (ARRAY(SELECT p.campaign_id FROM @s@.whatsapp_campaign_pauses AS p WHERE p.starts_at <= now()))) IS NOT TRUE)"
	    " FROM @s@.whatsapp_queue GROUP BY sender, priority, state ORDER BY min(due_at) LIMIT $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(max_queue_figures));
	const Result rows = run_statement(statement, values);
	auto *figures = static_cast<QueueFigures *>(palloc0(sizeof(QueueFigures) * max_queue_figures));
	int count = 0;
	for (uint64 i = 0; i < rows.count() && count < max_queue_figures; i++) {
		QueueFigures &part = figures[count++];
		strlcpy(part.sender, rows.text_at(i, 1), sizeof part.sender);
		part.priority = rows.int32_at(i, 2);
		part.state = queue_state_of(rows.text_at(i, 3));
		part.messages = rows.int64_at(i, 4);
		part.oldest_due_at = time_at(rows, i, 5);
	}
	note_queue(figures, count);
}

void
look_at_senders()
{
	static Statement statement = {
	    "SELECT name, enabled, quality IS NOT DISTINCT FROM 'RED', paused_reason, paused_until, messaging_limit"
	    " FROM @s@.whatsapp_senders ORDER BY created_at, name LIMIT $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(max_counted_senders));
	const Result rows = run_statement(statement, values);
	auto *senders = static_cast<SenderState *>(palloc(sizeof(SenderState) * (rows.count() + 1)));
	for (uint64 i = 0; i < rows.count(); i++)
		senders[i] = {rows.text_at(i, 1),  rows.bool_at(i, 2),
		              rows.bool_at(i, 3),  pause_of(rows.text_at(i, 4)),
		              time_at(rows, i, 5), rows.is_null(i, 6) ? nullptr : rows.text_at(i, 6)};
	note_senders(senders, rows.count());
}

void
sum_days()
{
	static Statement statement = {
	    "SELECT d.day - date '1970-01-01', sum(d.sent)::bigint, sum(d.delivered)::bigint, sum(d.read)::bigint, sum(d.failed)::bigint"
	    " FROM @s@.whatsapp_day_counts AS d"
	    " WHERE NOT d.deleted AND isfinite(d.day) AND d.day > (now() AT TIME ZONE 'UTC')::date - $1"
	    " GROUP BY d.day HAVING sum(d.sent) <> 0 OR sum(d.failed) <> 0 ORDER BY d.day",
	    1,
	    {INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(max_day_figures));
	const Result rows = run_statement(statement, values);
	DayFigures days[max_day_figures];
	int count = 0;
	for (uint64 i = 0; i < rows.count() && count < max_day_figures; i++)
		days[count++] = {rows.int32_at(i, 1), rows.int64_at(i, 2), rows.int64_at(i, 3),
		                 rows.int64_at(i, 4), rows.int64_at(i, 5)};
	note_days(days, count);
}

/* The budgets that are nearest to their limit. */
void
look_at_budgets()
{
	static Statement statement = {
	    "SELECT name, currency, amount::float8, spent::float8, reserved::float8, held, unpriced FROM @s@.whatsapp_budgets"
	    " ORDER BY share DESC NULLS FIRST, name LIMIT $1",
	    1,
	    {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(max_budget_figures));
	const Result rows = run_statement(statement, values);
	const auto number_at = [&rows](uint64 row, int column) {
		return DatumGetFloat8(rows.datum_at(row, column, FLOAT8OID));
	};
	auto *budgets =
	    static_cast<BudgetFigures *>(palloc0(sizeof(BudgetFigures) * max_budget_figures));
	int count = 0;
	for (uint64 i = 0; i < rows.count() && count < max_budget_figures; i++) {
		BudgetFigures &budget = budgets[count++];
		strlcpy(budget.name, rows.text_at(i, 1), sizeof budget.name);
		strlcpy(budget.currency, rows.text_at(i, 2), sizeof budget.currency);
		budget.amount = number_at(i, 3);
		budget.spent = number_at(i, 4);
		budget.reserved = number_at(i, 5);
		budget.held_messages = rows.int64_at(i, 6);
		budget.unpriced = rows.int64_at(i, 7);
	}
	note_budgets(budgets, count);
}

void
count_templates()
{
	static Statement statement = {
	    "SELECT status, count(*) FROM @s@.whatsapp_templates WHERE gone_at IS NULL GROUP BY status",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	std::int64_t counts[count_of<TemplateState>] = {};
	for (uint64 i = 0; i < rows.count(); i++) {
		const char *status = rows.is_null(i, 1) ? nullptr : rows.text_at(i, 1);
		counts[static_cast<int>(template_state_of(status))] += rows.int64_at(i, 2);
	}
	note_templates(counts);
}

void
count_opt_outs()
{
	static Statement statement = {
	    "SELECT count(*) FILTER (WHERE scope = 'all'), count(*) FILTER (WHERE scope = 'marketing')"
	    " FROM @s@.whatsapp_opt_outs WHERE opted_out",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	const std::int64_t counts[count_of<OptOut>] = {rows.int64_at(0, 1), rows.int64_at(0, 2)};
	note_opt_outs(counts);
}

void
look_at_tokens()
{
	static Statement statement = {
	    "SELECT min(least(token_expires_at, data_access_expires_at)) FROM @s@.whatsapp_probes",
	    0,
	    {}};
	note_token_end(time_at(run_statement(statement, Values()), 0, 1));
}

} // namespace

void
note_gauges()
{
	look_at_tokens();
	look_at_budgets();
	count_templates();
	count_opt_outs();
	sum_days();
	count_queue();
	look_at_senders();
}

} // namespace whatsapp::pg
