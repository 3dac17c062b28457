/*
 * worker.hpp — what the background workers have in common: how they start, hear signals and leave.
 */
#pragma once

namespace whatsapp::pg
{

/* Whether this process is a sender, listener, reader or clerk. Workers of parallel queries and of
 * logical replication are not. */
bool is_own_worker();

/* The database of this worker; empty in other processes. */
const char *worker_database_name();

enum class Role : int;

/* Installs handlers, then unblocks signals, then connects to the database, in this order. role and
 * place: see seats.hpp. The process leaves by itself when the extension is not in the database,
 * when another worker of its kind serves it, or when its encoding is not UTF8. */
void start_worker(Role role, int place, unsigned database_oid);

/* True once per SIGHUP: the configuration has been read again. */
bool reload_if_requested();

/* In a transaction: leaves when the extension has gone from the database, or is another one. */
void leave_without_extension(Role role, int place);

/* callback is called however the process leaves, unless it crashes. Once per process. */
void before_exit(void (*callback)());

/* Leaves. The launcher, and not the postmaster, decides whether and when another worker is
 * started. */
[[noreturn]] void end_worker();

} // namespace whatsapp::pg
