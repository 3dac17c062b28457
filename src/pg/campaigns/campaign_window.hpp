/*
 * campaign_window.hpp — the hours of a campaign, and how long its messages are good.
 *
 * The end of the hours is written down before it comes, so that the sender needs nobody to tell it;
 * their beginning is told by the reader.
 */
#pragma once

#include <algorithm>
#include <cstdint>

#include "pg/server/settings.hpp"

namespace whatsapp::pg
{

/* SQL: when the hours end in which a row d of whatsapp_campaign_definitions is now; NULL outside of
 * them. */
#define CAMPAIGN_WINDOW_END(d)                                                          \
	"(SELECT max(w.closes) FROM @s@.whatsapp_send_windows(now(), " d ".send_window, " d \
	".time_zone) AS w WHERE w.opens <= now())"

/* Seconds. A pause over a weekend, or a night, is no reason to lose a campaign. */
inline std::int64_t
campaign_ttl()
{
	constexpr int week = 7 * 24 * 3600;
	return std::max(settings.default_ttl, week);
}

/* Pauses the campaign from the end of its present hours on, or at once when it is outside of them.
 * A pause for another cause stays. Does nothing for a campaign without hours. With SPI
 * connected. */
void keep_to_window(std::int64_t campaign);

/* Raises 22007 for hours that nobody can read, 22023 for the time zone. */
void check_window(const char *hours, const char *time_zone);

} // namespace whatsapp::pg
