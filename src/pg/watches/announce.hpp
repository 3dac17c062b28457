/*
 * announce.hpp — from the rows of a statement to messages.
 */
#pragma once

#include "pg/watches/announcement.hpp"
#include "pg/watches/watch_rows.hpp"

namespace whatsapp::pg
{

/* Enqueues what the watch announces of the rows, with the rights of the watch's owner for its
 * expressions. In record mode nothing is raised but a cancel by somebody; what went wrong is
 * recorded. In reject mode it is raised. As the extension's owner, without SPI. */
void announce_rows(const WatchDefinition &watch, const WatchRows &rows);

/* The same for wa_watch_test(): nothing is written, and each announcement is handed to the taker.
 * Raises. */
struct AnnouncementTaker {
	void (*take)(AnnouncementTaker &self, const WatchDefinition &watch,
	             const Announcement &announcement);
};
void preview_rows(const WatchDefinition &watch, const WatchRows &rows, AnnouncementTaker &taker);

/* Rows that could not even be read: recorded, or raised. */
void announce_nothing(const WatchDefinition &watch, WatchEvent event, const Problem &why,
                      std::int64_t rows);

} // namespace whatsapp::pg
