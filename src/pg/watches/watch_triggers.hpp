/*
 * watch_triggers.hpp — the triggers of a watch: one for each event, and with a due time one for
 * TRUNCATE.
 *
 * They are of statements, with their transition tables, which cost each row least and see an UPDATE
 * that moves a row to another partition as what it is. A partitioned table and each of its
 * partitions have their own: the server fires those of the table that the statement names. There
 * are triggers of rows where it offers nothing else: for foreign tables, for a partition that is
 * watched by itself, whichever way its rows come, and for changes that a subscription applies.
 */
#pragma once

#include "pg/watches/watch_definition.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace whatsapp::pg
{

/* Makes the triggers: as the current user on the table, and as the extension's owner on its
 * partitions. With SPI connected. */
void place_watch_triggers(const WatchDefinition &watch, Oid relation, Oid extension_owner);
/* Drops them in the same way. */
void drop_watch_triggers(const char *key, Oid relation, Oid trigger_function, Oid extension_owner);

/* After a table has become a partition or has ceased to be one, as the extension's owner, with SPI
 * connected: it gets or loses the triggers of its parents' watches, and its own are made anew. */
void adjust_watch_triggers(Oid partition, Oid trigger_function, Oid extension_owner);

/* Drops triggers of ours on the table and its partitions whose watch is not there: the table was
 * restored without its definition, or from a dump of another one. Those of a watch of that name, or
 * all for NULL; as the current user, or as the extension's owner. Returns whether there were any.
 * With SPI connected. */
bool drop_lost_triggers(Oid relation, const char *name, Oid trigger_function, Oid extension_owner,
                        bool as_owner);

/* Ends the watch of that name, or all for NULL, and drops lost triggers: false when there is none.
 * function is one of the extension's. With SPI connected. */
bool end_watches(Oid relation, const char *name, Oid function);

/* whatsapp_notify(), which stands beside any function of the extension. */
Oid notify_function(Oid sibling);

/* Runs body as another user. After an error it is the server that gives the session its user
 * back. */
template <class Body>
void
as_user(Oid user, Body body)
{
	Oid before;
	int context;
	GetUserIdAndSecContext(&before, &context);
	SetUserIdAndSecContext(user, context | SECURITY_LOCAL_USERID_CHANGE);
	body();
	SetUserIdAndSecContext(before, context);
}

/* "schema"."table" as SQL needs it. */
const char *quoted_relation(Oid relation);

} // namespace whatsapp::pg
