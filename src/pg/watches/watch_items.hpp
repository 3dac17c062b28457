/*
 * watch_items.hpp — rows that wait for others before there is a message: whatsapp_watch_items.
 *
 * A transaction that changes a watched table only inserts. What is made of the items is the
 * reader's work alone (watch_collector.hpp), so nobody waits for anybody.
 */
#pragma once

#include "pg/watches/announcement.hpp"

namespace whatsapp::pg
{

/* Inserts an item for each announcement, by one statement; none of them may be a refused one. As
 * the extension's owner, with SPI connected. */
void add_watch_items(const WatchDefinition &watch, const Announcement *announcements, int count);

} // namespace whatsapp::pg
