/*
 * campaign_budgets.hpp — a campaign stops when a budget has no room for it.
 *
 * What does not fit is held by the sender until the day or month turns. But nobody wants the rest
 * of a campaign to leave at midnight without having been asked: so the reader stops the whole
 * campaign. When there is room again within the same day or month, since somebody has raised the
 * amount or money was released, it goes on by itself; afterwards it waits for wa_campaign_resume().
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* SQL: the campaigns of which a budget holds a message now. */
#define HELD_CAMPAIGNS                                                                      \
	"(SELECT q.campaign_id FROM @s@.whatsapp_queue AS q WHERE q.held_by IS NOT NULL AND"    \
	" starts_with(q.held_by, 'budget ') AND q.due_at > now() AND q.campaign_id IS NOT NULL" \
	" AND q.state = 'ready')"

/* In the reader, with no transaction open. */
void watch_campaign_budgets(std::int64_t now);

} // namespace whatsapp::pg
