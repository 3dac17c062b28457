/*
 * marketing.cpp — a list that is empty as a rule, read again when one of its tables has changed.
 */
#include "pg/queue/marketing.hpp"

#include <algorithm>

#include "pg/queue/queue.hpp"
#include "pg/rows/table_stamp.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t most_woken = 10000;
/* A held message is looked at again after so long, even when nothing has woken it. */
constexpr std::int64_t held_for_us = INT64CONST(3600000000);

#define HELD_BY "category of template "

struct MarketingTemplate {
	const char *sender;
	const char *name;
	const char *language;
	bool holds_messages;
	bool has_endpoint;
};

struct KnownTemplates {
	MemoryContext memory;
	MarketingTemplate *rows; /* sorted */
	std::size_t count;
	int on_recategorised;
	int endpoint;
};

KnownTemplates known = {};
/* some messages may be held for a reason that is gone */
bool wakes = true;

int
compare_keys(const MarketingTemplate &left, const char *sender, const char *name,
             const char *language)
{
	int order = strcmp(left.sender, sender);
	if (order == 0)
		order = strcmp(left.name, name);
	return order == 0 ? strcmp(left.language, language) : order;
}

bool
has_changed_since()
{
	static TableStamp stamps[] = {TableStamp("whatsapp_templates"),
	                              TableStamp("whatsapp_template_definitions"),
	                              TableStamp("whatsapp_senders"), TableStamp("whatsapp_accounts")};
	bool changed = known.memory == nullptr || known.on_recategorised != settings.on_recategorised ||
	               known.endpoint != settings.marketing_endpoint;
	for (TableStamp &stamp : stamps)
		changed |= has_changed(stamp);
	return changed;
}

/* In the order of compare_keys(). A statement leaves another memory context behind it, so what is
 * kept is copied after it. */
void
read_marketing()
{
	static Statement statement = {
	    "SELECT m.sender, m.name, m.language, m.holds_messages, m.has_endpoint FROM ("
	    "  SELECT s.name AS sender, t.name, t.language, $1 AND r.name IS NOT NULL AS holds_messages,"
	    "   coalesce(a.marketing_endpoint, $2) = 'marketing_messages' AS has_endpoint"
	    "  FROM @s@.whatsapp_templates AS t JOIN (SELECT name, account FROM @s@.whatsapp_senders"
	    "   UNION ALL SELECT 'default', NULL WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_senders WHERE name = 'default')) AS s"
	    "   ON s.account IS NOT DISTINCT FROM t.account"
	    "  LEFT JOIN @s@.whatsapp_accounts AS a ON a.name = t.account"
	    "  LEFT JOIN @s@.whatsapp_recategorised_templates AS r"
	    "   ON r.name = t.name AND r.language = t.language AND r.account IS NOT DISTINCT FROM t.account"
	    "  WHERE t.category = 'MARKETING' AND t.name IS NOT NULL AND t.language IS NOT NULL) AS m WHERE m.holds_messages OR m.has_endpoint"
	    " ORDER BY m.sender COLLATE \"C\", m.name COLLATE \"C\", m.language COLLATE \"C\"",
	    2,
	    {BOOLOID, TEXTOID}};
	Values values;
	values.set(0, BoolGetDatum(settings.on_recategorised == recategorised_hold));
	values.set_text(1, settings.marketing_endpoint == marketing_messages_endpoint
	                       ? "marketing_messages"
	                       : "messages");
	const Result rows = run_statement(statement, values);
	if (known.memory != nullptr)
		MemoryContextDelete(known.memory);
	known = {};
	known.memory =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp marketing", ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(known.memory);
	known.rows = static_cast<MarketingTemplate *>(
	    MemoryContextAllocHuge(known.memory, sizeof(MarketingTemplate) * (rows.count() + 1)));
	for (uint64 i = 0; i < rows.count(); i++)
		known.rows[i] = {rows.text_at(i, 1), rows.text_at(i, 2), rows.text_at(i, 3),
		                 rows.bool_at(i, 4), rows.bool_at(i, 5)};
	known.count = rows.count();
	MemoryContextSwitchTo(before);
	known.on_recategorised = settings.on_recategorised;
	known.endpoint = settings.marketing_endpoint;
	wakes = true;
}

const MarketingTemplate *
find_marketing(const Claimed &claim)
{
	if (claim.free_form || claim.sender == nullptr || claim.template_name == nullptr ||
	    claim.template_language == nullptr)
		return nullptr;
	const MarketingTemplate *end = known.rows + known.count;
	const auto precedes = [](const MarketingTemplate &one, const Claimed &of) {
		return compare_keys(one, of.sender, of.template_name, of.template_language) < 0;
	};
	const MarketingTemplate *found =
	    std::lower_bound(static_cast<const MarketingTemplate *>(known.rows), end, claim, precedes);
	return found != end && compare_keys(*found, claim.sender, claim.template_name,
	                                    claim.template_language) == 0
	           ? found
	           : nullptr;
}

} // namespace

bool
look_at_marketing()
{
	if (has_changed_since())
		read_marketing();
	return known.count > 0;
}

void
forget_marketing()
{
	if (known.memory != nullptr)
		MemoryContextDelete(known.memory);
	known = {};
}

void
note_marketing(Claims &claims)
{
	for (std::size_t i = 0; i < claims.count; i++) {
		Claimed &claim = claims.rows[i];
		const MarketingTemplate *found = find_marketing(claim);
		if (found == nullptr)
			continue;
		claim.marketing_endpoint = found->has_endpoint;
		if (found->holds_messages) {
			claim.held_by = psprintf(HELD_BY "%s", found->name);
			claim.held_until = GetCurrentTransactionStartTimestamp() + held_for_us;
		}
	}
}

bool
wake_recategorised_messages()
{
	/* BETWEEN finds them by the index of what is held, in any collation; what budgets hold sorts
	 * elsewhere */
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET due_at = now(), held_by = NULL"
	    " FROM (SELECT r.message_id FROM @s@.whatsapp_queue AS r WHERE r.held_by BETWEEN 'category' AND 'categoryz'"
	    "  AND r.held_by LIKE '" HELD_BY
	    "%' AND r.state = 'ready' ORDER BY r.held_by LIMIT $1 FOR UPDATE SKIP LOCKED) AS f"
	    " WHERE q.message_id = f.message_id",
	    1,
	    {INT8OID}};
	(void)look_at_marketing();
	if (!wakes)
		return false;
	Values values;
	values.set(0, Int64GetDatum(most_woken));
	const std::uint64_t woken = run_statement(statement, values).count();
	wakes = woken == most_woken;
	return woken > 0;
}

} // namespace whatsapp::pg
