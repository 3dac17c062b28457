/*
 * watch_partition.hpp — a watched table that becomes a partition.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "nodes/nodes.h"
}

namespace whatsapp::entry
{

/* After the command: what it has attached as a partition is watched row by row from now on. */
void after_attach(Node *statement);

} // namespace whatsapp::entry
