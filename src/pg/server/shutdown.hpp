/*
 * shutdown.hpp — a worker's SIGTERM: what is done gets recorded before the process goes.
 */
#pragma once

namespace whatsapp::pg
{

/* Before signals are unblocked. */
void install_shutdown_handler();

/* SIGTERM came: settle what is done and leave. */
bool shutdown_requested();

/* While on, a SIGTERM cancels what runs: it is a user's code, which may take its time. */
void cancel_at_shutdown(bool on);

} // namespace whatsapp::pg
