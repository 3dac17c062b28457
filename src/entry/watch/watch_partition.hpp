/*
 * watch_partition.hpp — a watched table that becomes a partition, or is one no more.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace whatsapp::entry
{

/* To be called after the command: the table that it has attached as a partition is watched row by
 * row from now on. Watches with expressions are adjusted after a DETACH, too. */
void after_attach(Node *statement);

} // namespace whatsapp::entry
