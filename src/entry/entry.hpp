/*
 * entry.hpp — what the files of entry/ share: the place of this worker, as the launcher gave it.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* The index of this worker's database in whatsapp.databases, and the database. */
int worker_place();
Oid worker_database();

/* In _PG_init. */
void register_launcher();

/* The address for a place in whatsapp.listen, a list in the order of whatsapp.databases; empty when
 * there is none. */
void listen_address(int place, char *address, size_t size);

} // namespace whatsapp::entry
