/*
 * watch_insert.hpp — definitions of watches are written down, and erased.
 */
#pragma once

#include "pg/watches/watch_definition.hpp"

namespace whatsapp::pg
{

/* As the extension's owner, with SPI connected. relation_name is qualified. Raises 42710 when the
 * name is taken by a watch that has a trigger. */
void insert_watch(const WatchDefinition &watch, const char *relation_name, Oid trigger_function);
void delete_watch(const char *key);
/* "orders", "orders_2", … */
const char *unused_watch_name(const char *relation);

} // namespace whatsapp::pg
