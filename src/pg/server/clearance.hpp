/*
 * clearance.hpp — a database whose workers have to stay away, for a command that cannot bear other
 * sessions in it.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Backend side: ends the workers of a database, and returns when they have left their seats. Keeps
 * them away until this transaction ends, or the subtransaction that called it is rolled back.
 * Raises on cancel. */
void send_workers_away(Oid database);

/* Launcher side: whether somebody keeps the workers of this database away. */
bool kept_clear(Oid database);

} // namespace whatsapp::pg
