/*
 * clearance.hpp — a database whose workers have to stay away, for a command that cannot bear other
 * sessions in it.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Backend side: ends the workers of a database and keeps them away until this transaction, or
 * the subtransaction that called it by a rollback, ends;
 * returns when they have left their seats. Raises on cancel. */
void send_workers_away(Oid database);

/* Launcher side. */
bool kept_clear(Oid database);

} // namespace whatsapp::pg
