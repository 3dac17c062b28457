/*
 * session.hpp — the settings under which a worker's own statements run, and those under which a
 * user's code runs in a worker.
 */
#pragma once

namespace whatsapp::pg
{

/* In a worker, when it is connected to its database, once. From then on a user's trigger or
 * function that runs in this process has the database's own time-outs, and is cancelled after
 * whatsapp.trigger_timeout. */
void begin_session();

/* Sets the database's own time-outs and row security, for code of users that is not within a
 * function (begin_session() does it for functions). They hold until the caller's level of settings
 * (NewGUCNestLevel()) ends. */
void show_database_limits();

/* The worker's settings again, after a reload of the configuration. */
void apply_session_settings();

} // namespace whatsapp::pg
