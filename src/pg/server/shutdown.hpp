/*
 * shutdown.hpp — a worker's SIGTERM: what is done gets recorded before the process goes.
 */
#pragma once

namespace whatsapp::pg
{

/* To be called before signals are unblocked. */
void install_shutdown_handler();

/* SIGTERM came: settle what is done and leave. */
bool shutdown_requested();

/* While on, a SIGTERM cancels what is running. It is on while a user's code runs, which may take
 * long. */
void cancel_at_shutdown(bool on);

} // namespace whatsapp::pg
