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
 * woken; not when it rolls back. due: the earliest time (TimestampTz) at which what was written is
 * to be sent; any_due when the sender has to look from the beginning of its queue. */
void wake_sender_at_commit(std::int64_t due);
void wake_listener_at_commit();
void wake_reader_at_commit();
/* There is something for the clerk: it is woken, or the launcher starts one. */
void wake_clerk_at_commit();
/* An extension has been created: the launcher looks at databases again where it had found none. */
void wake_launcher_at_commit();

/* Backend side: wakes the listener of this database now, if there is one. */
void ring_listener();

/* Backend side: wakes those workers of this database now. */
void ring_now(const Rings &rings);

/* Sender side, at its start: it has heard nothing so far, so the first call of take_rung() returns
 * any_due. */
void reset_rung(int place);
/* The earliest due times since the last call; no_due for none. due: what was committed. announced:
 * what is about to be committed, and will be in due after that. */
struct Rung {
	std::int64_t due;
	std::int64_t announced;
};
Rung take_rung(int place);

/* How often an extension was created since the server started. */
unsigned attach_count();

} // namespace whatsapp::pg
