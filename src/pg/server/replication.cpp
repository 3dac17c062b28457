/*
 * replication.cpp — the server's own state of its logical replication workers.
 */
#include "pg/server/replication.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "catalog/pg_subscription_rel.h"
#include "replication/worker_internal.h"
}

namespace whatsapp::pg
{

/* The worker that copies a table is in this state until its copy is committed. What was changed
 * meanwhile is applied after that, in another state. */
bool
copies_old_rows()
{
	return MyLogicalRepWorker != nullptr && MyLogicalRepWorker->relstate == SUBREL_STATE_DATASYNC;
}

bool
applies_changes()
{
	return MyLogicalRepWorker != nullptr && !copies_old_rows();
}

} // namespace whatsapp::pg
