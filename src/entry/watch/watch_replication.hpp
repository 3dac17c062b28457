/*
 * watch_replication.hpp — watched tables whose rows a subscription brings.
 *
 * An apply worker fires no trigger of statements, and of those of rows only the ones that are
 * enabled for it. So such a table needs another trigger, which wa_watch(replicated => true) makes.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* With SPI connected. A WARNING when a subscription brings rows into the table. */
void warn_if_subscribed(Oid relation);

/* After a command on a subscription: a WARNING for each table of it whose rows make no messages. It
 * raises nothing: the command may have made a slot at the publisher. */
void after_subscription();

} // namespace whatsapp::entry
