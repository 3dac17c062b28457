/*
 * cost_figures.cpp — reads the messages in the order of their ids, and writes sums into
 * whatsapp_cost_units.
 *
 * Free messages and volume tiers are counted by month, so a round begins with the month of the
 * first day that is shown, or with the last month, for whatsapp_months. What changes behind the
 * round's back is seen by the next one. Each slice is a transaction of its own, whose rows tell how
 * far the round has come: it goes on from there after a failure, and in the reader's next life.
 */
#include "pg/counts/cost_figures.hpp"

#include <algorithm>
#include <cstdint>

#include "pg/server/counters.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t slice_rows = 10000;
/* With so many rows the round folds them, so that its end has not all of them to fold. */
constexpr std::int64_t many_sums = 5000;

/* of the round that goes on; 0: none */
std::int64_t round_number = 0;
std::int64_t seen_id = 0;
/* its rows that were folded, and those that came since */
std::int64_t folded_sums = 0;
std::int64_t loose_sums = 0;

/* the round has ended; the next step shows its costs */
bool costs_are_due = false;

/* what the last round began with */
std::int64_t known_state = 0;

/* An id is taken before its transaction commits, so a few messages with a lower id are younger. */
constexpr std::int64_t id_slack = 100000;

/* A sum of what costs depend on, so that nothing is written where nothing happens. What it does not
 * show, such as a price that Meta tells later, is seen by the round of the next hour. */
std::int64_t
know_state()
{
	static Statement statement = {
	    "SELECT hashtextextended(concat_ws('/', date_trunc('hour', now()),"
	    "  (SELECT concat_ws(',', sum(delivered), sum(hashtext(category || sender)::bigint * delivered)) FROM @s@.whatsapp_day_counts WHERE NOT deleted),"
	    "  (SELECT string_agg(b::text, ',') FROM (SELECT * FROM @s@.whatsapp_billing ORDER BY sender) AS b),"
	    "  (SELECT concat_ws(',', count(*), max(imported_at)) FROM @s@.whatsapp_rates)), 1)",
	    0,
	    {}};
	return run_statement(statement, Values()).int64_at(0, 1);
}

std::int64_t
first_id()
{
	static Statement statement = {
	    "SELECT id FROM @s@.whatsapp_messages"
	    " WHERE created_at >= least(date_trunc('month', now() - $1 * interval '1 day'), date_trunc('month', now()) - interval '1 month')"
	    "  - interval '2 days'"
	    " ORDER BY created_at LIMIT 1",
	    1,
	    {INT4OID}};
	Values values;
	values.set(0, Int32GetDatum(max_day_figures));
	const Result rows = run_statement(statement, values);
	return rows.empty() ? 0 : rows.int64_at(0, 1) - id_slack;
}

void
begin_round()
{
	seen_id = first_id();
	round_number = GetCurrentTimestamp();
	folded_sums = loose_sums = 0;
}

/* Goes on with a round that was not brought to its end. What has changed since it began is seen by
 * the next one, which begins at once. False when there is none. */
bool
resume_round()
{
	static Statement statement = {
	    "SELECT round, max(until_id), count(*) FROM @s@.whatsapp_cost_units WHERE NOT is_whole"
	    " GROUP BY round ORDER BY round DESC LIMIT 1",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	if (rows.empty())
		return false;
	round_number = rows.int64_at(0, 1);
	seen_id = rows.int64_at(0, 2);
	folded_sums = 0;
	loose_sums = rows.int64_at(0, 3);
	known_state = 0;
	return true;
}

/* Where the next slice ends; 0: there is nothing more. */
std::int64_t
find_slice_end(std::int64_t after)
{
	static Statement statement = {
	    "SELECT coalesce(max(s.id), 0) FROM (SELECT id FROM @s@.whatsapp_messages WHERE id > $1 ORDER BY id LIMIT $2) AS s",
	    2,
	    {INT8OID, INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(after));
	values.set(1, Int64GetDatum(slice_rows));
	return run_statement(statement, values).int64_at(0, 1);
}

/* As whatsapp_delivered_units, without templates, which bear on no price, and without the
 * conversations of former years. A phone is cut to what tells the market, and filled up to a number
 * that may be one. */
void
sum_messages(std::int64_t after, std::int64_t until)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_cost_units (round, account, sender, currency, time_zone, day, category, market, reason,"
	    "  pricing_type, told, told_cost, units, until_id)"
	    " SELECT $3, u.account, u.sender, u.currency, u.time_zone, u.day, u.category, k.market, k.reason, u.pricing_type,"
	    "  u.told, sum(u.told_cost), sum(u.units), $2"
	    " FROM (SELECT b.account, m.sender, CASE WHEN m.pricing_cost IS NULL THEN b.currency ELSE coalesce(m.pricing_currency, b.currency) END AS currency,"
	    "        b.time_zone,"
	    "        timezone(coalesce(b.time_zone, 'UTC'), coalesce(m.delivered_at, m.read_at))::date AS day,"
	    "        coalesce(" LOWER_WORD("m.pricing_category") ", CASE WHEN m.message_type <> 'template' THEN 'service' ELSE " LOWER_WORD(
	        "t.category") " END) AS category,"
	                      "        rpad(left(m.recipient_phone, (SELECT greatest(4, 1 + max(length(x.prefix))) FROM @s@.whatsapp_markets AS x)), 8, '0') AS prefix,"
	                      "        m.pricing_type, m.pricing_category IS NOT NULL AND m.pricing_type IS NOT NULL AS told,"
	                      "        m.pricing_cost IS NOT NULL AND m.pricing_currency IS NOT NULL AS has_cost,"
	                      "        sum(m.pricing_cost) FILTER (WHERE m.pricing_currency IS NOT NULL) AS told_cost, count(*) AS units"
	                      "       FROM @s@.whatsapp_messages AS m JOIN @s@.whatsapp_billing AS b ON b.sender = m.sender"
	                      "       LEFT JOIN @s@.whatsapp_templates AS t ON m.pricing_category IS NULL AND t.name = m.template_name"
	                      "        AND t.language = m.template_language AND t.account IS NOT DISTINCT FROM b.account"
	                      "       WHERE m.id > $1 AND m.id <= $2 AND coalesce(m.delivered_at, m.read_at) IS NOT NULL"
	                      "        AND (m.conversation_id IS NULL OR m.pricing_model IS DISTINCT FROM 'CBP')"
	                      "       GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) AS u CROSS JOIN LATERAL @s@.wa_market(u.prefix) AS k"
	                      " GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, u.has_cost",
	    3,
	    {INT8OID, INT8OID, INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(after));
	values.set(1, Int64GetDatum(until));
	values.set(2, Int64GetDatum(round_number));
	loose_sums += static_cast<std::int64_t>(run_statement(statement, values).count());
}

/* One row for each key, so that a round of millions has some thousand. */
void
fold_sums(bool is_end)
{
	/* under the negative of the number, until the rows that were folded are deleted */
	static Statement fold = {
	    "INSERT INTO @s@.whatsapp_cost_units (round, is_whole, account, sender, currency, time_zone, day, category, market,"
	    "  reason, pricing_type, told, told_cost, units, until_id)"
	    " SELECT -round, $2, account, sender, currency, time_zone, day, category, market, reason, pricing_type, told, sum(told_cost),"
	    "  sum(units), max(until_id)"
	    " FROM @s@.whatsapp_cost_units WHERE round = $1"
	    " GROUP BY 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, told_cost IS NULL",
	    2,
	    {INT8OID, BOOLOID}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_cost_units WHERE round = $1", 1, {INT8OID}};
	static Statement name = {
	    "UPDATE @s@.whatsapp_cost_units SET round = $1 WHERE round = -$1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(round_number));
	values.set(1, BoolGetDatum(is_end));
	folded_sums = static_cast<std::int64_t>(run_statement(fold, values).count());
	run_statement(remove, values);
	run_statement(name, values);
	loose_sums = 0;
}

void
end_round()
{
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_cost_units WHERE round <> $1", 1, {INT8OID}};
	fold_sums(true);
	Values values;
	values.set(0, Int64GetDatum(round_number));
	(void)run_statement(remove, values);
	round_number = 0;
	costs_are_due = true;
}

void
show_costs()
{
	static Statement statement = {
	    "SELECT s.* FROM (SELECT p.day - date '1970-01-01' AS day, coalesce(p.currency, ''), sum(p.units)::bigint, sum(p.free)::bigint,"
	    "  coalesce(sum(p.units) FILTER (WHERE p.reason IS NOT NULL), 0)::bigint, coalesce(sum(p.cost), 0)::float8,"
	    "  coalesce(sum(p.cost) FILTER (WHERE p.estimated), 0)::float8, coalesce(sum(p.units) FILTER (WHERE p.estimated), 0)::bigint"
	    " FROM @s@.whatsapp_cost_parts AS p WHERE p.is_kept AND isfinite(p.day) AND p.day > current_date - $1"
	    " GROUP BY p.day, 2 ORDER BY p.day DESC, 2 LIMIT $2) AS s ORDER BY 1, 2",
	    2,
	    {INT4OID, INT8OID}};
	Values values;
	values.set(0, Int32GetDatum(max_day_figures));
	values.set(1, Int64GetDatum(max_cost_figures));
	const Result rows = run_statement(statement, values);
	const auto number_at = [&rows](uint64 row, int column) {
		return DatumGetFloat8(rows.datum_at(row, column, FLOAT8OID));
	};
	auto *costs = static_cast<CostFigures *>(palloc0(sizeof(CostFigures) * max_cost_figures));
	int count = 0;
	for (uint64 i = 0; i < rows.count() && count < max_cost_figures; i++) {
		CostFigures &cost = costs[count++];
		cost.day = rows.int32_at(i, 1);
		strlcpy(cost.currency, rows.text_at(i, 2), sizeof cost.currency);
		cost.units = rows.int64_at(i, 3);
		cost.free = rows.int64_at(i, 4);
		cost.unpriced = rows.int64_at(i, 5);
		cost.cost = number_at(i, 6);
		cost.estimated = number_at(i, 7);
		cost.estimated_units = rows.int64_at(i, 8);
	}
	note_costs(costs, count);
}

} // namespace

bool
sum_cost_slice()
{
	if (costs_are_due) {
		show_costs();
		costs_are_due = false;
		return false;
	}
	if (round_number == 0 && !resume_round()) {
		const std::int64_t now_known = know_state();
		if (now_known == known_state)
			return false;
		begin_round();
		known_state = now_known;
	}
	const std::int64_t until = find_slice_end(seen_id);
	if (until == 0) {
		end_round();
		return true;
	}
	sum_messages(seen_id, until);
	seen_id = until;
	if (loose_sums > std::max(many_sums, folded_sums))
		fold_sums(false);
	return true;
}

void
forget_cost_round()
{
	round_number = 0;
	known_state = 0;
	costs_are_due = false;
}

} // namespace whatsapp::pg
