/*
 * status_column.hpp — the status of a message, written back to the row that it announced.
 *
 * The message is noted with the key of its row when it is made; a callback of the watch's own
 * (whatsapp_callback_definitions) then has each status written to the column by the reader.
 */
#pragma once

#include "pg/watches/announcement.hpp"
#include "pg/watches/watch_definition.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace whatsapp::pg
{

/* Raises 42703 when the table has no such column, 55000 when it has no primary key, 22023 for
 * DELETE alone. */
void check_status_column(const WatchDefinition &watch, Relation table);

/* All of the following: as the extension's owner, with SPI connected. */
/* Notes of which row a message is, unless it is noted already. */
void link_message(const WatchDefinition &watch, std::int64_t message_id, const char *row_key);
/* The same for those that were enqueued with an idempotency key. */
void link_announcements(const WatchDefinition &watch, const Announcement *announcements, int count);

/* The key of the row; NULL when nothing is known of the message. */
const char *row_of_message(std::int64_t message_id, const char *watch_key);

struct StatusColumn {
	Oid relation; /* InvalidOid: gone */
	const char *name;
};
StatusColumn find_status_column(const char *watch_key);
/* UPDATE … SET … = $2 WHERE the row's key is $1. */
const char *status_column_update(Relation table, const char *column);

/* While the reader writes to this row, the watch does not announce it: whatever its expressions and
 * keys are, a status never makes another message. NULL ends the silence. */
void silence_watch(const char *watch_key, const char *row_key);
bool is_silenced(const WatchDefinition &watch, WatchEvent event, const char *row_key);

} // namespace whatsapp::pg
