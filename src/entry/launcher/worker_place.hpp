/*
 * worker_place.hpp — which database a worker serves, as the launcher told it.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::entry
{

/* What the launcher hands over; it must fit into bgw_extra. */
struct WorkerPlace {
	int place; /* the index of the database in whatsapp.databases */
	Oid database;
};

int worker_place();
Oid worker_database();

/* The address for a place in whatsapp.listen, a list in the order of whatsapp.databases; empty when
 * there is none. */
void listen_address(int place, char *address, size_t size);

} // namespace whatsapp::entry
