/*
 * prices.cpp — one statement for all kinds that are new; afterwards a message costs a comparison of
 * names and a search for its prefix.
 *
 * The list rate of the day, as wa_estimate() takes it: open windows and tiers may make it cheaper,
 * never dearer.
 */
#include "pg/budgets/prices.hpp"

#include "core/base/ascii.hpp"
#include "core/price/market_prefix.hpp"
#include "pg/budgets/budgets.hpp"
#include "pg/rows/table_stamp.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/text_compare.hpp"
#include "pg/server/word_case.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

/* after so long, prices are looked up anew: rates, templates, currencies may have changed */
constexpr std::int64_t good_for_ms = 10000;
constexpr int no_market = 0;
constexpr int other_market = 1;
constexpr int first_room = 16;

/* What messages of one sender and template have in common, and where a budget is for a campaign,
 * those of one campaign. */
struct MessageKind {
	const char *sender;
	const char *template_name;
	const char *template_language;
	std::int64_t campaign_id;
	Price **by_market; /* NULL where nobody has asked */
};

struct Wanted {
	int kind;
	int market;
};

struct KnownPrices {
	MemoryContext memory;
	unsigned generation;
	std::int64_t read_at;
	MarketPrefix *prefixes;
	const char **countries;
	std::size_t prefix_count;
	const char **markets;
	int market_count;
	MessageKind *kinds;
	int kind_count;
	int kind_room;
};

KnownPrices known = {};
FreeUnits *free_units = nullptr;

int
market_number(const char *name)
{
	if (name == nullptr)
		return no_market;
	for (int i = other_market; i < known.market_count; i++)
		if (strcmp(known.markets[i], name) == 0)
			return i;
	known.markets[known.market_count] = pstrdup(name);
	return known.market_count++;
}

/* A row of the user's goes before a built-in one. A statement leaves another memory context behind
 * it, so what is kept is copied after it. */
void
read_markets()
{
	static Statement statement = {
	    "SELECT DISTINCT ON (prefix COLLATE \"C\") prefix, iso, market FROM @s@.whatsapp_markets"
	    " ORDER BY prefix COLLATE \"C\", built_in",
	    0,
	    {}};
	const Result rows = run_statement(statement, Values());
	const std::size_t count = rows.count();
	MemoryContext before = MemoryContextSwitchTo(known.memory);
	known.prefixes = static_cast<MarketPrefix *>(palloc(sizeof(MarketPrefix) * (count + 1)));
	known.countries = static_cast<const char **>(palloc(sizeof(char *) * (count + 1)));
	known.markets = static_cast<const char **>(palloc(sizeof(char *) * (count + 2)));
	known.markets[no_market] = nullptr;
	known.markets[other_market] = "Other";
	known.market_count = other_market + 1;
	for (std::size_t i = 0; i < count; i++) {
		known.prefixes[i] = {rows.text_at(i, 1), market_number(rows.text_at(i, 3))};
		known.countries[i] = rows.text_at(i, 2);
	}
	known.prefix_count = count;
	known.kind_room = first_room;
	known.kinds = static_cast<MessageKind *>(palloc(sizeof(MessageKind) * first_room));
	MemoryContextSwitchTo(before);
}

bool
has_changed_since()
{
	static TableStamp stamps[] = {TableStamp("whatsapp_rates"), TableStamp("whatsapp_markets"),
	                              TableStamp("whatsapp_templates"), TableStamp("whatsapp_senders"),
	                              TableStamp("whatsapp_accounts")};
	bool changed = false;
	for (TableStamp &stamp : stamps)
		changed |= has_changed(stamp);
	return changed;
}

/* Rates are those of the day, in the time zone of the account: grows when a day begins in one of
 * them. */
std::int64_t
sum_of_days()
{
	static Statement statement = {
	    "SELECT coalesce(sum(timezone(z.time_zone, now())::date - date '2000-01-01'), 0)::bigint"
	    " FROM (SELECT DISTINCT b.time_zone FROM @s@.whatsapp_billing AS b WHERE b.time_zone IS NOT NULL) AS z",
	    0,
	    {}};
	return run_statement(statement, Values()).int64_at(0, 1);
}

void
look_at_prices(Budgets &budgets)
{
	const std::int64_t now = monotonic_ms();
	const bool is_old = known.memory == nullptr || now - known.read_at >= good_for_ms;
	if (!is_old && known.generation == budgets.generation)
		return;
	static std::int64_t days = 0;
	const std::int64_t days_before = days;
	if (is_old)
		days = sum_of_days();
	if (is_old && (has_changed_since() || days != days_before))
		reopen_budgets(budgets);
	if (known.memory != nullptr)
		MemoryContextDelete(known.memory);
	known = {};
	known.memory =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp prices", ALLOCSET_DEFAULT_SIZES);
	read_markets();
	known.generation = budgets.generation;
	known.read_at = now;
}

int
kind_of(const PricedMessage &message)
{
	for (int i = known.kind_count - 1; i >= 0; i--) {
		const MessageKind &kind = known.kinds[i];
		if (kind.campaign_id == message.campaign_id && is_same_text(kind.sender, message.sender) &&
		    is_same_text(kind.template_name, message.template_name) &&
		    is_same_text(kind.template_language, message.template_language))
			return i;
	}
	MemoryContext before = MemoryContextSwitchTo(known.memory);
	if (known.kind_count == known.kind_room) {
		known.kind_room *= 2;
		known.kinds = static_cast<MessageKind *>(
		    repalloc(known.kinds, sizeof(MessageKind) * static_cast<Size>(known.kind_room)));
	}
	const auto copy = [](const char *text) { return text == nullptr ? nullptr : pstrdup(text); };
	known.kinds[known.kind_count] = {
	    copy(message.sender), copy(message.template_name), copy(message.template_language),
	    message.campaign_id,
	    static_cast<Price **>(palloc0(sizeof(Price *) * static_cast<Size>(known.market_count)))};
	MemoryContextSwitchTo(before);
	return known.kind_count++;
}

/* The market of a user id, by the country that it begins with; Canada belongs to the market of the
 * United States. Of several prefixes of a country the longest counts, as in wa_market(). */
int
market_of_country(const char *user_id)
{
	char country[3] = {user_id[0], user_id[1], '\0'};
	if (strcmp(country, "CA") == 0)
		strlcpy(country, "US", sizeof country);
	std::size_t longest = 0;
	int market = other_market;
	for (std::size_t i = 0; i < known.prefix_count; i++)
		if (strcmp(known.countries[i], country) == 0 &&
		    strlen(known.prefixes[i].digits) > longest) {
			longest = strlen(known.prefixes[i].digits);
			market = known.prefixes[i].market;
		}
	return market;
}

bool
is_user_id(const char *phone)
{
	return is_upper(phone[0]) && is_upper(phone[1]) && phone[2] == '.';
}

int
market_of(const char *phone)
{
	if (is_user_id(phone))
		return market_of_country(phone);
	if (phone[0] != '+')
		return no_market;
	const int found = find_market_prefix(known.prefixes, known.prefix_count, phone);
	return found < 0 ? other_market : known.prefixes[found].market;
}

/* How many free messages the sender has used in the month: as many as were counted, or as this
 * process has let pass. It is an estimate, since Meta does not say which messages are free. */
FreeUnits *
free_units_of(const char *sender, std::int64_t month)
{
	static Statement count = {
	    "SELECT coalesce(sum(d.sent - d.failed_sent), 0)::bigint FROM @s@.whatsapp_day_counts AS d"
	    " WHERE NOT d.deleted AND d.sender = $1 AND d.template_name = '' AND d.day >= $2",
	    2,
	    {TEXTOID, DATEOID}};
	Values values;
	values.set_text(0, sender);
	values.set(1, DateADTGetDatum(static_cast<DateADT>(month)));
	const std::int64_t counted = run_statement(count, values).int64_at(0, 1);
	FreeUnits *units = free_units;
	while (units != nullptr && strcmp(units->sender, sender) != 0)
		units = units->next;
	if (units == nullptr) {
		units = static_cast<FreeUnits *>(MemoryContextAllocZero(TopMemoryContext, sizeof(*units)));
		units->sender = MemoryContextStrdup(TopMemoryContext, sender);
		units->next = free_units;
		free_units = units;
	}
	units->used = units->month == month ? Max(units->used, counted) : counted;
	units->month = month;
	return units;
}

/* Columns of the statement below, from 1. */
enum PriceColumn { place = 1, currency, account, category, month, free_limit, amount };

/* Whether the budget counts such a message. A category or a currency that is not known may be that
 * of any budget. */
bool
budget_counts(const Budget &budget, const MessageKind &kind, const Result &rows, uint64 row)
{
	const char *charged_in = rows.text_at(row, currency);
	const char *its_account = rows.text_at(row, account);
	return (budget.campaign_id == 0 || budget.campaign_id == kind.campaign_id) &&
	       (budget.sender == nullptr || is_same_text(budget.sender, kind.sender)) &&
	       (budget.template_name == nullptr ||
	        is_same_text(budget.template_name, kind.template_name)) &&
	       (budget.account == nullptr ||
	        is_same_text(budget.account, its_account == nullptr ? "" : its_account)) &&
	       (budget.category == nullptr || rows.is_null(row, category) ||
	        is_same_text(budget.category, rows.text_at(row, category))) &&
	       (charged_in == nullptr || is_same_text(budget.currency, charged_in));
}

Price *
make_price(const MessageKind &kind, const Result &rows, uint64 row, const Budgets &budgets)
{
	auto *price = static_cast<Price *>(palloc0(sizeof(Price)));
	price->is_known = !rows.is_null(row, amount);
	price->amount = rows.int64_at(row, amount);
	price->category = rows.text_at(row, category);
	price->free_limit = rows.int32_at(row, free_limit);
	price->budget = static_cast<int *>(palloc(sizeof(int) * static_cast<Size>(budgets.count + 1)));
	Column periods(static_cast<std::size_t>(budgets.count));
	for (int i = 0; i < budgets.count; i++)
		if (budget_counts(budgets.rows[i], kind, rows, row)) {
			price->budget[price->budgets++] = i;
			periods.add(Int64GetDatum(budgets.rows[i].period));
		}
	price->periods = periods.array(INT8OID);
	return price;
}

void
ask_for_prices(const Wanted *wanted, std::size_t count, const Budgets &budgets)
{
	static Statement statement = {
	    "SELECT k.place, b.currency, b.account, replace(c.category, '-', '_'), date_trunc('month', d.day)::date - date '2000-01-01',"
	    "  coalesce(r.free_units, 0),"
	    "  CASE WHEN b.time_zone IS NULL OR r.reason IS NOT NULL THEN NULL WHEN r.basis <> 'rate' THEN 0"
	    "       WHEN k.market IS NOT NULL THEN (v.cost * 100000000)::bigint END"
	    " FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS k (sender, template_name, template_language, market, place)"
	    " LEFT JOIN @s@.whatsapp_billing AS b ON b.sender = k.sender"
	    " LEFT JOIN @s@.whatsapp_templates AS t ON t.name = k.template_name AND t.language = k.template_language"
	    "  AND t.account IS NOT DISTINCT FROM b.account"
	    " CROSS JOIN LATERAL (SELECT CASE WHEN k.template_name IS NULL THEN 'service' ELSE " LOWER_WORD(
	        "t.category") " END AS category) AS c"
	                      " CROSS JOIN LATERAL (SELECT timezone(coalesce(b.time_zone, 'UTC'), now())::date AS day) AS d"
	                      " CROSS JOIN LATERAL @s@.wa_price_rule(c.category, d.day) AS r"
	                      " CROSS JOIN LATERAL @s@.whatsapp_rate_cost(b.currency, d.day, k.market, r.rate_category, 0, 1) AS v"
	                      " ORDER BY k.place",
	    4,
	    {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}};
	Column senders(count);
	Column templates(count);
	Column languages(count);
	Column markets(count);
	for (std::size_t i = 0; i < count; i++) {
		const MessageKind &kind = known.kinds[wanted[i].kind];
		senders.add_text(kind.sender);
		templates.add_text(kind.template_name);
		languages.add_text(kind.template_language);
		markets.add_text(known.markets[wanted[i].market]);
	}
	Values values;
	values.set(0, senders.array(TEXTOID));
	values.set(1, templates.array(TEXTOID));
	values.set(2, languages.array(TEXTOID));
	values.set(3, markets.array(TEXTOID));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		const auto at = static_cast<std::size_t>(rows.int64_at(i, place) - 1);
		const MessageKind &kind = known.kinds[wanted[at].kind];
		FreeUnits *units = rows.int32_at(i, free_limit) > 0
		                       ? free_units_of(kind.sender, rows.int32_at(i, month))
		                       : nullptr;
		MemoryContext before = MemoryContextSwitchTo(known.memory);
		Price *price = make_price(kind, rows, i, budgets);
		price->free_units = units;
		kind.by_market[wanted[at].market] = price;
		MemoryContextSwitchTo(before);
	}
}

bool
is_wanted(const Wanted *wanted, std::size_t count, int kind, int market)
{
	for (std::size_t i = 0; i < count; i++)
		if (wanted[i].kind == kind && wanted[i].market == market)
			return true;
	return false;
}

} // namespace

Price **
find_prices(const PricedMessage *messages, std::size_t count, Budgets &budgets)
{
	look_at_prices(budgets);
	auto **prices = static_cast<Price **>(palloc(sizeof(Price *) * (count + 1)));
	auto *each = static_cast<Wanted *>(palloc(sizeof(Wanted) * (count + 1)));
	auto *wanted = static_cast<Wanted *>(palloc(sizeof(Wanted) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		each[i] = {kind_of(messages[i]), market_of(messages[i].phone)};
		const MessageKind &kind = known.kinds[each[i].kind];
		if (kind.by_market[each[i].market] == nullptr &&
		    !is_wanted(wanted, size, each[i].kind, each[i].market))
			wanted[size++] = each[i];
	}
	if (size > 0)
		ask_for_prices(wanted, size, budgets);
	for (std::size_t i = 0; i < count; i++)
		prices[i] = known.kinds[each[i].kind].by_market[each[i].market];
	return prices;
}

} // namespace whatsapp::pg
