/*
 * seats.hpp — which process serves which database: one seat for each worker, in shared memory.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace whatsapp::pg
{

enum class Role : int { launcher, sender, listener, reader, clerk };
inline constexpr int max_databases = 64;

/* What a worker tells the launcher when it leaves: nothing, or that its database has no extension.
 * attaches: attach_count() (bells.hpp) before it looked, so that the launcher knows whether an
 * extension was created since. */
struct Farewell {
	enum Reason : int { none, no_extension } reason;
	unsigned attaches;
};

/* Worker side: publishes this process for (role, place), and withdraws it at its exit. place: the
 * index in whatsapp.databases, 0 for the launcher. */
void take_seat(Role role, int place, Oid database);
void say_farewell(Role role, int place, Farewell farewell);

/* Launcher side. */
Farewell take_farewell(Role role, int place);
/* A live process holds the place. */
bool seat_taken(Role role, int place);

/* The worker of that role for a database; for the launcher, InvalidOid. latch is NULL when there is
 * none. It is that of a PGPROC, which is never freed: to set it is safe when the worker has gone
 * meanwhile. */
struct SeatedWorker {
	int place;
	Latch *latch;
};
SeatedWorker find_worker(Role role, Oid database);

/* The processes of all workers of a database. */
inline constexpr int max_worker_pids = 4 * max_databases;
int find_worker_pids(Oid database, int (&pids)[max_worker_pids]);

} // namespace whatsapp::pg
