/*
 * watch_callback.hpp — the callback that a watch has by its status_column.
 */
#pragma once

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

struct WatchCallback {
	const char *key;
	const char *name; /* or this with a number behind it */
	const char *owner;
	const char *owner_number;
	Datum settings; /* text[] */
};

/* As the extension's owner, with SPI connected. */
void add_watch_callback(const WatchCallback &watch);
/* Removes the callbacks of watches that are gone, and the calls that they were owed. */
void remove_watch_callbacks();

} // namespace whatsapp::pg
