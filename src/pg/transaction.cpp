/*
 * transaction.cpp — start, body, commit; on error: report, abort, go on. Nothing of it is held
 * while bytes travel.
 */
#include "pg/transaction.hpp"

#include "pg/prelude.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

int last_failure = 0;

} // namespace

bool
failure_passes()
{
	switch (ERRCODE_TO_CATEGORY(last_failure)) {
	case ERRCODE_TRANSACTION_ROLLBACK:
	case ERRCODE_INSUFFICIENT_RESOURCES:
	case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE: /* lock_timeout is of this class */
	case ERRCODE_OPERATOR_INTERVENTION:
	case ERRCODE_SYSTEM_ERROR:
		return true;
	default:
		return false;
	}
}

bool
in_transaction(void (*body)(void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool committed = false;

	PG_TRY();
	{
		/* or now() would stand still at the start of the process */
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		body(argument);
		SPI_finish();
		PopActiveSnapshot();
		CommitTransactionCommand();
		committed = true;
	}
	PG_CATCH();
	{
		/* the report first: it is in ErrorContext, which the abort leaves alone, and belongs to the
		 * log alone */
		HOLD_INTERRUPTS();
		last_failure = geterrcode();
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();

	/* without it, autovacuum never learns what the workers wrote */
	pgstat_report_stat(!committed);
	MemoryContextSwitchTo(context);
	return committed;
}

} // namespace whatsapp::pg
