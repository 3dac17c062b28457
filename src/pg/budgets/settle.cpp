/*
 * settle.cpp — a charge follows its message: delivered, or refused.
 *
 * Whoever changes a message has its row locked, and the charge changes with it alone: so what the
 * first of these statements has read still holds for the others.
 */
#include "pg/budgets/budgets.hpp"

#include "pg/rows/left_out.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/word_case.hpp"

namespace whatsapp::pg
{

namespace
{

/* rows of one turn of the reader */
constexpr std::int64_t most_folded = 20000;

OwnTable charges_table("whatsapp_charges");

/* Of several charges of a message the last that was not released counts, else the last. What
 * Meta tells of the price goes first: whether it was free (pricing_type, or else billable, which
 * Meta is about to drop), then what it has cost. If Meta tells another category, its price of the
 * day of the delivery counts. */
Statement find_changes = {
    "SELECT c.address, n.state, p.charged FROM ("
    "  SELECT DISTINCT ON (k.message_id) k.ctid AS address, k.* FROM @s@.whatsapp_charges AS k WHERE k.message_id = ANY ($1)"
    "  ORDER BY k.message_id, k.state = 'released', k.reserved_at DESC) AS c"
    " JOIN @s@.whatsapp_messages AS m ON m.id = c.message_id"
    " CROSS JOIN LATERAL (SELECT CASE WHEN m.status IN ('DELIVERED', 'READ') THEN 'settled'"
    "  WHEN m.status = 'FAILED' AND m.error_code IS NOT NULL THEN 'released'"
    "  WHEN m.status IN ('FAILED', 'CANCELLED')"
    "   AND NOT starts_with(coalesce(m.error_message, ''), '" OUTCOME_UNKNOWN "')"
    "   AND NOT starts_with(coalesce(m.error_message, ''), '" PARKED "')"
    "   AND NOT EXISTS (SELECT FROM @s@.whatsapp_attempts AS a WHERE a.message_id = m.id AND a.outcome = 'unknown')"
    "   THEN 'released' END AS state) AS n"
    " CROSS JOIN LATERAL (SELECT replace(" LOWER_WORD(
        "m.pricing_category") ", '-', '_') AS category,"
                              "  CASE WHEN m.pricing_type IS NOT NULL THEN m.pricing_type LIKE 'free%' ELSE m.billable IS FALSE END AS free) AS told"
                              " LEFT JOIN LATERAL (SELECT v.cost FROM @s@.whatsapp_billing AS b"
                              "   CROSS JOIN LATERAL (SELECT timezone(b.time_zone, coalesce(m.delivered_at, m.read_at))::date AS day) AS d"
                              "   CROSS JOIN LATERAL @s@.wa_market(m.recipient_phone) AS k"
                              "   CROSS JOIN LATERAL @s@.wa_price_rule(told.category, d.day) AS r"
                              "   CROSS JOIN LATERAL @s@.whatsapp_rate_cost(b.currency, d.day, k.market, r.rate_category, 0, 1) AS v"
                              "   WHERE b.sender = m.sender AND n.state = 'settled' AND NOT told.free AND told.category IS NOT NULL"
                              "    AND (told.category IS DISTINCT FROM c.category OR c.amount IS NULL)) AS other ON true"
                              " CROSS JOIN LATERAL (SELECT CASE WHEN n.state = 'settled' THEN"
                              "  CASE WHEN told.free THEN 0 ELSE coalesce(CASE WHEN m.pricing_cost IS NOT NULL THEN"
                              "    (SELECT m.pricing_cost FROM @s@.whatsapp_billing AS b WHERE b.sender = m.sender AND b.currency = m.pricing_currency) END,"
                              "   other.cost, c.amount) END END AS charged) AS p"
                              " WHERE n.state IS NOT NULL AND NOT (c.state = 'settled' AND n.state = 'released')"
                              "  AND (n.state <> c.state OR p.charged IS DISTINCT FROM c.charged)",
    1,
    {INT8ARRAYOID}};

#define CHANGED_TYPES tid_array_type, TEXTARRAYOID, NUMERICARRAYOID
#define CHANGED "unnest($1, $2, $3) AS f (address, state, charged)"

Statement add_to_ledger = {
    "INSERT INTO @s@.whatsapp_budget_ledger (period, authorised, reserved, settled, released, messages, unpriced)"
    " SELECT p.period, sum(n.authorised - o.authorised), sum(n.reserved - o.reserved), sum(n.settled - o.settled),"
    "  sum(n.released - o.released), sum(n.messages - o.messages), sum(n.unpriced - o.unpriced)"
    " FROM " CHANGED " JOIN @s@.whatsapp_charges AS c ON c.ctid = f.address"
    " CROSS JOIN LATERAL @s@.whatsapp_charge_parts(c.state, c.amount, c.charged) AS o"
    " CROSS JOIN LATERAL @s@.whatsapp_charge_parts(f.state, c.amount, f.charged) AS n"
    " CROSS JOIN LATERAL unnest(c.periods) AS p (period) GROUP BY p.period",
    3,
    {CHANGED_TYPES}};

Statement change_charges = {
    "UPDATE @s@.whatsapp_charges AS c SET state = f.state, charged = f.charged"
    " FROM " CHANGED " WHERE c.ctid = f.address",
    3,
    {CHANGED_TYPES}};

Datum
array_of(const std::int64_t *ids, std::size_t count)
{
	Column column(count);
	for (std::size_t i = 0; i < count; i++)
		column.add(Int64GetDatum(ids[i]));
	return column.array(INT8OID);
}

/* rows: the address of a charge, its new state, and what is charged. */
void
apply_changes(const Result &rows)
{
	if (rows.empty())
		return;
	Column addresses(rows.count());
	Column states(rows.count());
	Column charged(rows.count());
	for (uint64 i = 0; i < rows.count(); i++) {
		addresses.add_address(address_at(rows, i, 1));
		states.add_text(rows.text_at(i, 2));
		if (rows.is_null(i, 3))
			charged.add_null();
		else
			charged.add(rows.datum_at(i, 3, NUMERICOID));
	}
	Values values;
	values.set(0, addresses.array(TIDOID));
	values.set(1, states.array(TEXTOID));
	values.set(2, charged.array(NUMERICOID));
	(void)run_statement(add_to_ledger, values);
	fault_point(FaultPoint::budget_settled);
	if (run_statement(change_charges, values).count() < rows.count())
		raise_left_out("whatsapp_charges");
}

} // namespace

bool
has_charges()
{
	return has_pages(charges_table);
}

void
settle_charges(const std::int64_t *ids, std::size_t count)
{
	if (count == 0)
		return;
	Values of_messages;
	of_messages.set(0, array_of(ids, count));
	apply_changes(run_statement(find_changes, of_messages));
}

void
release_charges(const std::int64_t *ids, std::size_t count)
{
	static Statement find_reserved = {
	    "SELECT ctid, 'released', NULL::numeric FROM @s@.whatsapp_charges WHERE message_id = ANY ($1) AND state = 'reserved'",
	    1,
	    {INT8ARRAYOID}};
	if (count == 0)
		return;
	Values of_messages;
	of_messages.set(0, array_of(ids, count));
	apply_changes(run_statement(find_reserved, of_messages));
}

void
drop_charges(const std::int64_t *ids, std::size_t count)
{
	static Statement statement = {
	    "DELETE FROM @s@.whatsapp_charges WHERE message_id = ANY ($1)", 1, {INT8ARRAYOID}};
	if (count == 0)
		return;
	Values values;
	values.set(0, array_of(ids, count));
	(void)run_statement(statement, values);
}

void
drop_all_charges()
{
	static Statement statement = {"DELETE FROM @s@.whatsapp_charges", 0, {}};
	(void)run_statement(statement, Values());
}

/* Only the reader folds: nobody else changes or deletes rows of the ledger. */
void
fold_budget_ledger()
{
	static OwnTable ledger_table("whatsapp_budget_ledger");
	static Statement find = {
	    "SELECT g.ctid FROM (SELECT ctid, count(*) OVER (PARTITION BY period) AS rows FROM @s@.whatsapp_budget_ledger) AS g"
	    " WHERE g.rows > 1 LIMIT $1",
	    1,
	    {INT8OID}};
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_budget_ledger (period, authorised, reserved, settled, released, messages, unpriced)"
	    " SELECT period, sum(authorised), sum(reserved), sum(settled), sum(released), sum(messages), sum(unpriced)"
	    " FROM @s@.whatsapp_budget_ledger WHERE ctid = ANY ($1) GROUP BY period",
	    1,
	    {tid_array_type}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_budget_ledger WHERE ctid = ANY ($1)", 1, {tid_array_type}};
	if (!has_pages(ledger_table))
		return;
	Values limit;
	limit.set(0, Int64GetDatum(most_folded));
	const Result rows = run_statement(find, limit);
	if (rows.empty())
		return;
	Column addresses(rows.count());
	for (uint64 i = 0; i < rows.count(); i++)
		addresses.add_address(address_at(rows, i, 1));
	Values values;
	values.set(0, addresses.array(TIDOID));
	(void)run_statement(insert, values);
	fault_point(FaultPoint::ledger_folded);
	(void)run_statement(remove, values);
}

} // namespace whatsapp::pg
