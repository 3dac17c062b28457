/*
 * transaction.cpp — start, body, commit; on error: report, abort, go on. Nothing of it is held
 * while bytes travel.
 */
#include "pg/server/transaction.hpp"

#include "pg/server/shutdown.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
}

namespace whatsapp::pg
{

namespace
{

int last_failure = 0;

bool
state_passes(int state)
{
	/* a user's code that took too long would do so again */
	if (state == ERRCODE_QUERY_CANCELED)
		return false;
	switch (ERRCODE_TO_CATEGORY(state)) {
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

} // namespace

bool
failure_passes()
{
	return state_passes(last_failure);
}

bool
failure_is_lock()
{
	return last_failure == ERRCODE_LOCK_NOT_AVAILABLE;
}

bool
failure_is_of_schema()
{
	return ERRCODE_TO_CATEGORY(last_failure) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION;
}

bool
failure_repeats()
{
	return last_failure == ERRCODE_UNIQUE_VIOLATION;
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
		/* all of it: an error may have come from within a subtransaction */
		AbortOutOfAnyTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();

	/* without it, autovacuum never learns what the workers wrote */
	pgstat_report_stat(!committed);
	MemoryContextSwitchTo(context);
	return committed;
}

namespace
{

void
begin_timed(int timeout_ms)
{
	cancel_at_shutdown(timeout_ms > 0);
	if (timeout_ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
}

void
end_timed(int timeout_ms)
{
	cancel_at_shutdown(false);
	if (timeout_ms == 0)
		return;
	disable_timeout(STATEMENT_TIMEOUT, false);
	/* the time ran out when the work was done: that cancel must not hit the next statement */
	QueryCancelPending = false;
}

template <size_t N>
void
copy_clipped(char (&to)[N], const char *from)
{
	const int length = from == nullptr ? 0
	                                   : pg_mbcliplen(from, static_cast<int>(strlen(from)),
	                                                  static_cast<int>(N) - 1);
	memcpy(to, from == nullptr ? "" : from, static_cast<size_t>(length));
	to[length] = '\0';
}

void
describe_error(const ErrorData *error, Problem &problem)
{
	strlcpy(problem.sqlstate, unpack_sql_state(error->sqlerrcode), sizeof problem.sqlstate);
	copy_clipped(problem.message, error->message);
	copy_clipped(problem.detail, error->detail);
	copy_clipped(problem.hint, error->hint);
}

} // namespace

namespace
{

int
state_of(const Problem &problem)
{
	const char *state = problem.sqlstate;
	return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

} // namespace

bool
problem_passes(const Problem &problem)
{
	return state_passes(state_of(problem));
}

bool
problem_is_cancel(const Problem &problem)
{
	return state_of(problem) == ERRCODE_QUERY_CANCELED;
}

bool
problem_is_repeat(const Problem &problem)
{
	return state_of(problem) == ERRCODE_UNIQUE_VIOLATION;
}

void
raise_problem(const Problem &problem)
{
	ereport(ERROR, (errcode(state_of(problem)), errmsg("%s", problem.message),
	                problem.detail[0] != '\0' ? errdetail("%s", problem.detail) : 0,
	                problem.hint[0] != '\0' ? errhint("%s", problem.hint) : 0));
	pg_unreachable();
}

bool
in_subtransaction(Problem &problem, int timeout_ms, void (*body)(void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(nullptr);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		begin_timed(timeout_ms);
		body(argument);
		end_timed(timeout_ms);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		end_timed(timeout_ms);
		MemoryContextSwitchTo(context);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		describe_error(error, problem);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

void
in_undone_subtransaction(void (*body)(void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(nullptr);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(argument);
	}
	PG_CATCH();
	{
		/* ended here, since the caller has not begun it and would not end it */
		MemoryContextSwitchTo(context);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

} // namespace whatsapp::pg
