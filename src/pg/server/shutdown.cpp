/*
 * shutdown.cpp — the handler of SIGTERM.
 */
#include "pg/server/shutdown.hpp"

#include <cerrno>
#include <csignal>

#include "pg/server/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
}

namespace whatsapp::pg
{

namespace
{

volatile sig_atomic_t cancellable = 0;

/*
 * Answers that are here get recorded before the process goes. Only a wait that could last for ever,
 * for a standby that must confirm a commit, is broken off at once.
 */
extern "C" void
request_shutdown(SIGNAL_ARGS)
{
	const int saved = errno;
	ShutdownRequestPending = true;
	if (cancellable != 0) {
		QueryCancelPending = true;
		InterruptPending = true;
	}
	if (MyProc != nullptr && MyProc->syncRepState == SYNC_REP_WAITING)
		die(postgres_signal_arg);
	SetLatch(MyLatch);
	errno = saved;
}

} // namespace

void
install_shutdown_handler()
{
	pqsignal(SIGTERM, request_shutdown);
}

bool
shutdown_requested()
{
	return ShutdownRequestPending;
}

void
cancel_at_shutdown(bool on)
{
	cancellable = on ? 1 : 0;
	/* a SIGTERM of a moment ago found nothing to cancel */
	if (on && ShutdownRequestPending) {
		QueryCancelPending = true;
		InterruptPending = true;
	}
}

} // namespace whatsapp::pg
