/*
 * worker.hpp — what the background workers have in common: how they start, hear signals and leave.
 */
#pragma once

namespace whatsapp::pg
{

/* This process is a sender, reader or listener: a worker of parallel queries or of logical
 * replication is none. */
bool is_own_worker();

/* Of that process. */
const char *worker_database_name();

enum class Role : int;

/* Handlers, then signals, then the database, in this order. role and place: see seats.hpp. The
 * process leaves by itself (and says why to the launcher) when the extension is not in the
 * database, when another worker of its kind serves it, or when its encoding is not UTF8. */
void start_worker(Role role, int place, unsigned database_oid);

/* SIGHUP came: the configuration was read again. True once per signal. */
bool reload_if_requested();

/* In a transaction: leaves when the extension has gone from the database, or is another one. */
void leave_without_extension(Role role, int place);

/* However the process leaves, unless it crashes; once per process. */
void before_exit(void (*callback)());

/* The launcher, not the postmaster, decides whether and when another one starts. */
[[noreturn]] void end_worker();

} // namespace whatsapp::pg
