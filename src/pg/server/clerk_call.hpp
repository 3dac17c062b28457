/*
 * clerk_call.hpp — which databases have something for a clerk: it ends when it is idle, and the
 * launcher starts another one when it is called.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* In a callback: notes the call and sets the latch of this database's clerk, or of the launcher. */
void call_clerk();

/* Launcher side. */
bool clerk_called(Oid database);

/* Notes the call and wakes nobody: for a clerk that has work in hand. */
void note_clerk_call();

/* Clerk side, before it looks for work: what is called for after this is not missed, even if this
 * process is about to end. */
void forget_clerk_call();

} // namespace whatsapp::pg
