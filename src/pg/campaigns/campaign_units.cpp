/*
 * campaign_units.cpp — sums of a statement in memory, then one statement that finds day and market.
 */
#include "pg/campaigns/campaign_units.hpp"

#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/text_compare.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

/* A market is told by seven digits at most; of a user id by its country. */
constexpr int phone_bytes = 8;
/* In no time zone does a day begin within a quarter of an hour. */
constexpr std::int64_t quarter = 15 * USECS_PER_MINUTE;
/* So many sums are looked through for the one that a message belongs to. Beyond that it gets a new
 * one: rows of one key add up. */
constexpr int most_compared = 64;
/* rows of one turn of the reader */
constexpr std::int64_t most_folded = 20000;

bool
is_same_charge(const DeliveredMessage &left, const DeliveredMessage &right)
{
	return left.delivered_at == right.delivered_at && left.campaign_id == right.campaign_id &&
	       is_same_text(left.category, right.category) &&
	       is_same_text(left.pricing_type, right.pricing_type) &&
	       is_same_text(left.cost, right.cost) && is_same_text(left.currency, right.currency);
}

} // namespace

struct CampaignUnits::Sum {
	std::int64_t campaign_id;
	std::int64_t at; /* the beginning of the quarter of an hour */
	char phone[phone_bytes + 1];
	const char *category;
	const char *pricing_type;
	const char *cost; /* of one unit */
	const char *currency;
	std::int64_t units;
};

CampaignUnits::CampaignUnits() : memory_(CurrentMemoryContext) {}

CampaignUnits::Sum *
CampaignUnits::find_sum(const Sum &wanted)
{
	for (int i = count_ - 1; i >= 0 && i >= count_ - most_compared; i--) {
		Sum &sum = sums_[i];
		if (sum.campaign_id == wanted.campaign_id && sum.at == wanted.at &&
		    strcmp(sum.phone, wanted.phone) == 0 && is_same_text(sum.category, wanted.category) &&
		    is_same_text(sum.pricing_type, wanted.pricing_type) &&
		    is_same_text(sum.cost, wanted.cost) && is_same_text(sum.currency, wanted.currency))
			return &sum;
	}
	return nullptr;
}

void
CampaignUnits::add_message(const DeliveredMessage &message, int sign)
{
	if (message.delivered_at == 0 || TIMESTAMP_NOT_FINITE(message.delivered_at))
		return;
	Sum wanted = {message.campaign_id,
	              message.delivered_at - message.delivered_at % quarter,
	              {},
	              message.category,
	              message.pricing_type,
	              message.currency == nullptr ? nullptr : message.cost,
	              message.cost == nullptr ? nullptr : message.currency,
	              sign};
	strlcpy(wanted.phone, message.phone == nullptr ? "" : message.phone, sizeof wanted.phone);
	Sum *found = find_sum(wanted);
	if (found != nullptr) {
		found->units += sign;
		return;
	}
	MemoryContext before = MemoryContextSwitchTo(memory_);
	if (count_ == room_) {
		room_ = room_ == 0 ? 16 : 2 * room_;
		const Size size = sizeof(Sum) * static_cast<Size>(room_);
		sums_ = static_cast<Sum *>(sums_ == nullptr ? MemoryContextAllocHuge(memory_, size)
		                                            : repalloc_huge(sums_, size));
	}
	Sum &added = sums_[count_++];
	added = wanted;
	for (const char **text : {&added.category, &added.pricing_type, &added.cost, &added.currency})
		if (*text != nullptr)
			*text = pstrdup(*text);
	MemoryContextSwitchTo(before);
}

void
CampaignUnits::add_change(const DeliveredMessage &before, const DeliveredMessage &now)
{
	if (is_same_charge(before, now))
		return;
	if (before.campaign_id != 0)
		add_message(before, -1);
	if (now.campaign_id != 0)
		add_message(now, 1);
}

/* The market as wa_market() finds it, without a call for each of the beginnings that a batch has.
 */
void
CampaignUnits::write_units()
{
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_campaign_units (campaign_id, day, market, reason, category, pricing_type, told_currency, units, told_cost)"
	    " SELECT g.campaign_id, g.day, coalesce(n.market, o.market), coalesce(n.reason, o.reason), g.category, g.pricing_type, g.currency,"
	    "  sum(g.units), sum(g.cost)"
	    " FROM (SELECT a.campaign_id, timezone(coalesce(b.time_zone, 'UTC'), a.at)::date AS day,"
	    "   CASE WHEN starts_with(a.phone, '+') THEN left(a.phone, x.size) ELSE left(a.phone, 3) || '0' END AS phone,"
	    "   replace(" LOWER_WORD(
	        "a.category") ", '-', '_') AS category, a.pricing_type, a.currency, sum(a.units) AS units,"
	                      "   sum(a.units * a.cost::numeric) AS cost"
	                      "  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS a (campaign_id, at, phone, category, pricing_type, units, cost, currency)"
	                      "  JOIN @s@.whatsapp_campaign_definitions AS d ON d.id = a.campaign_id"
	                      "  LEFT JOIN @s@.whatsapp_billing AS b ON b.sender = d.sender"
	                      "  CROSS JOIN (SELECT 1 + coalesce(max(length(k.prefix)), 0) AS size FROM @s@.whatsapp_markets AS k) AS x"
	                      "  GROUP BY 1, 2, 3, 4, 5, 6) AS g"
	                      " LEFT JOIN LATERAL (SELECT CASE WHEN f.prefix IS NULL THEN 'Other' ELSE f.market END AS market,"
	                      "   CASE WHEN f.prefix IS NOT NULL AND f.market IS NULL THEN 'ambiguous_market' END AS reason"
	                      "  FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT k.prefix, k.market FROM @s@.whatsapp_markets AS k"
	                      "   WHERE k.prefix = ANY (ARRAY(SELECT substr(g.phone, 2, s.size) FROM generate_series(1, length(g.phone) - 1) AS s (size)))"
	                      "   ORDER BY length(k.prefix) DESC, k.built_in LIMIT 1) AS f ON true) AS n ON starts_with(g.phone, '+')"
	                      " LEFT JOIN LATERAL @s@.wa_market(g.phone) AS o ON NOT starts_with(g.phone, '+')"
	                      " GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(g.units) <> 0 OR sum(g.cost) <> 0",
	    8,
	    {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
	     TEXTARRAYOID, TEXTARRAYOID},
	    true};
	if (count_ == 0)
		return;
	const auto size = static_cast<std::size_t>(count_);
	Column campaigns(size);
	Column times(size);
	Column phones(size);
	Column categories(size);
	Column types(size);
	Column units(size);
	Column costs(size);
	Column currencies(size);
	for (int i = 0; i < count_; i++) {
		const Sum &sum = sums_[i];
		if (sum.units == 0)
			continue;
		campaigns.add(Int64GetDatum(sum.campaign_id));
		times.add(Int64GetDatum(sum.at));
		phones.add(CStringGetTextDatum(sum.phone));
		categories.add_text(sum.category);
		types.add_text(sum.pricing_type);
		units.add(Int64GetDatum(sum.units));
		costs.add_text(sum.cost);
		currencies.add_text(sum.currency);
	}
	count_ = 0;
	if (campaigns.count() == 0)
		return;
	Values values;
	values.set(0, campaigns.array(INT8OID));
	values.set(1, times.array(TIMESTAMPTZOID));
	values.set(2, phones.array(TEXTOID));
	values.set(3, categories.array(TEXTOID));
	values.set(4, types.array(TEXTOID));
	values.set(5, units.array(INT8OID));
	values.set(6, costs.array(TEXTOID));
	values.set(7, currencies.array(TEXTOID));
	(void)run_statement(insert, values);
}

/* Only the reader folds: nobody else changes or deletes rows of this table. */
void
fold_campaign_units()
{
	static OwnTable units_table("whatsapp_campaign_units");
	static Statement find = {
	    "SELECT u.ctid FROM (SELECT ctid, count(*) OVER (PARTITION BY campaign_id, day, market, reason, category, pricing_type, told_currency) AS rows"
	    "  FROM @s@.whatsapp_campaign_units) AS u WHERE u.rows > 1 LIMIT $1",
	    1,
	    {INT8OID}};
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_campaign_units (campaign_id, day, market, reason, category, pricing_type, told_currency, units, told_cost)"
	    " SELECT campaign_id, day, market, reason, category, pricing_type, told_currency, sum(units), sum(told_cost)"
	    " FROM @s@.whatsapp_campaign_units WHERE ctid = ANY ($1)"
	    " GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(units) <> 0 OR sum(told_cost) <> 0",
	    1,
	    {tid_array_type}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_campaign_units WHERE ctid = ANY ($1)", 1, {tid_array_type}};
	if (!has_pages(units_table))
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
	(void)run_statement(remove, values);
}

} // namespace whatsapp::pg
