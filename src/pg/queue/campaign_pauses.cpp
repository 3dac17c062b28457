/*
 * campaign_pauses.cpp — a list of numbers that is empty as a rule.
 */
#include "pg/queue/campaign_pauses.hpp"

#include <algorithm>

#include "pg/rows/table_stamp.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

TableStamp pauses("whatsapp_campaign_pauses");

struct CampaignPause {
	std::int64_t campaign;
	TimestampTz starts_at;
};

/* sorted; in memory that lives as long as the process */
CampaignPause *paused = nullptr;
std::size_t paused_count = 0;

/* The row of a campaign with a send window is there before the window closes: no row changes at
 * that moment. */
bool
has_begun(const CampaignPause &pause)
{
	return pause.starts_at <= GetCurrentTransactionStartTimestamp();
}

/* Whether these are the pauses that are kept. It is asked because has_changed() is always true for
 * a table that somebody has altered. */
bool
is_known(const Result &rows)
{
	if (rows.count() != paused_count)
		return false;
	for (uint64 i = 0; i < rows.count(); i++)
		if (paused[i].campaign != rows.int64_at(i, 1) || paused[i].starts_at != rows.int64_at(i, 2))
			return false;
	return true;
}

} // namespace

bool
look_at_campaign_pauses()
{
	static Statement statement = {
	    "SELECT campaign_id, starts_at FROM @s@.whatsapp_campaign_pauses ORDER BY campaign_id",
	    0,
	    {}};
	if (!has_changed(pauses))
		return false;
	const Result rows = run_statement(statement, Values());
	if (is_known(rows))
		return false;
	if (paused != nullptr)
		pfree(paused);
	paused = nullptr;
	paused_count = 0;
	if (rows.empty())
		return true;
	paused = static_cast<CampaignPause *>(
	    MemoryContextAlloc(TopMemoryContext, sizeof(CampaignPause) * rows.count()));
	for (uint64 i = 0; i < rows.count(); i++)
		paused[paused_count++] = {rows.int64_at(i, 1), rows.int64_at(i, 2)};
	return true;
}

void
forget_campaign_pauses()
{
	pauses.value = 0;
}

bool
is_campaign_paused(std::int64_t id)
{
	if (paused_count == 0)
		return false;
	const CampaignPause *begin = paused;
	const CampaignPause *end = paused + paused_count;
	const CampaignPause *found =
	    std::lower_bound(begin, end, id, [](const CampaignPause &one, std::int64_t of) {
		    return one.campaign < of;
	    });
	return found != end && found->campaign == id && has_begun(*found);
}

std::uintptr_t
paused_campaigns()
{
	Column ids(paused_count);
	for (std::size_t i = 0; i < paused_count; i++)
		if (has_begun(paused[i]))
			ids.add(Int64GetDatum(paused[i].campaign));
	return ids.array(INT8OID);
}

} // namespace whatsapp::pg
