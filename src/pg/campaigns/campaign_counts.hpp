/*
 * campaign_counts.hpp — SQL: what whatsapp_day_counts says of a campaign.
 */
#pragma once

/* How many messages of the row d of whatsapp_campaign_definitions are still to be sent. */
#define CAMPAIGN_PENDING(d)                                                                      \
	d ".planned - coalesce((SELECT sum(c.sent - c.failed_sent + c.failed + c.cancelled)::bigint" \
	  " FROM @s@.whatsapp_day_counts AS c WHERE c.campaign_id = " d ".id AND NOT c.deleted), 0)"

/* One row: what Meta has answered or refused, and of these what has failed. What we refused has no
 * code. */
#define CAMPAIGN_TRIED(id)                                                                      \
	"(SELECT coalesce(sum(c.sent - c.failed_sent), 0)::bigint"                                  \
	"   + coalesce(sum(c.failed) FILTER (WHERE c.error_code IS NOT NULL), 0)::bigint AS tried," \
	"  coalesce(sum(c.failed) FILTER (WHERE c.error_code IS NOT NULL), 0)::bigint AS failed"    \
	"  FROM @s@.whatsapp_day_counts AS c WHERE c.campaign_id = " id " AND NOT c.deleted)"
