/*
 * bells.hpp — how a session wakes the workers of its database when it commits.
 *
 * A bell is the server's own latch of the worker's process. What a prepared transaction would ring
 * is rung by whoever commits it, see prepared_rings.hpp. The workers look by themselves every 5 s,
 * too.
 */
#pragma once

#include <cstdint>

#include "pg/server/rings.hpp"

namespace whatsapp::pg
{

/* Backend side: when this transaction commits, that worker of this database (or the launcher) is
 * woken. Forgotten on rollback. due: the earliest time (TimestampTz) at which what was written is
 * to be sent; any_due for what the sender must find wherever it stands. */
void wake_sender_at_commit(std::int64_t due);
void wake_listener_at_commit();
void wake_reader_at_commit();
/* There is something for the clerk: it is woken, or the launcher starts one. */
void wake_clerk_at_commit();
/* An extension is made: the launcher looks where there was none. */
void wake_launcher_at_commit();

/* Backend side: wakes the listener of this database now, if there is one. */
void ring_listener();

/* Backend side: wakes those workers of this database now. */
void ring_now(const Rings &rings);

/* Sender side. In a new life nothing has been heard: the first call of take_rung() returns any_due.
 */
void reset_rung(int place);
/* The earliest due times since the last call, no_due for none. What is announced is about to be
 * committed, and will be rung for when it is. */
struct Rung {
	std::int64_t due;
	std::int64_t announced;
};
Rung take_rung(int place);

/* How often an extension was created since the server started. */
unsigned attach_count();

} // namespace whatsapp::pg
