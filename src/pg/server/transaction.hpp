/*
 * transaction.hpp — one transaction of a worker; the only file with a PG_TRY is transaction.cpp.
 */
#pragma once

namespace whatsapp::pg
{

/* Runs body inside a transaction with SPI connected, and commits. When it raises: logs the error,
 * rolls back and returns false. A FATAL error ends the process. body must own no C++ object that
 * needs a destructor. */
bool in_transaction(void (*body)(void *), void *argument);

/* Whether the last in_transaction() that returned false failed for a reason that passes: a lock, a
 * deadlock, a lack of something. */
bool failure_passes();

/* Whether it failed because somebody held a lock for too long: on a table, or on one row, be it one
 * that a user's trigger wants. */
bool failure_is_lock();

/* Whether it failed because of the tables, whatever was to be written: one is gone, has other
 * columns, or may not be written to. */
bool failure_is_of_schema();

/* Whether it failed because somebody else has stored the same row meanwhile: a second try will see
 * it. */
bool failure_repeats();

/* What went wrong in a subtransaction, without destructors. message is the primary one; the others
 * are empty where there are none. */
struct Problem {
	char sqlstate[6] = {};
	char message[512] = {};
	char detail[1024] = {};
	char hint[512] = {};
};

/* Whether it is one that passes, as failure_passes() says. */
bool problem_passes(const Problem &problem);
/* Whether somebody cancelled the statement, or its time was over. */
bool problem_is_cancel(const Problem &problem);
/* Whether a row of that key is there already. */
bool problem_is_repeat(const Problem &problem);

/* Raises it once more. */
[[noreturn]] void raise_problem(const Problem &problem);

/* Runs body in a subtransaction of the running transaction. When it raises: rolls that back, says
 * why and returns false; nothing is logged. After timeout_ms (0: never), or when a shutdown is
 * asked for, it is cancelled. */
bool in_subtransaction(Problem &problem, int timeout_ms, void (*body)(void *), void *argument);

template <class Body>
bool
try_body_apart(Problem &problem, int timeout_ms, Body &&body)
{
	return in_subtransaction(
	    problem, timeout_ms, [](void *self) { (*static_cast<Body *>(self))(); }, &body);
}

/* Runs body in a subtransaction and takes back what it has changed, also when it succeeds. What it
 * raises is raised here. */
void in_undone_subtransaction(void (*body)(void *), void *argument);

template <class Body>
void
run_undone_body(Body &&body)
{
	in_undone_subtransaction([](void *self) { (*static_cast<Body *>(self))(); }, &body);
}

template <class Body>
bool
run_transaction(Body &&body)
{
	return in_transaction([](void *self) { (*static_cast<Body *>(self))(); }, &body);
}

} // namespace whatsapp::pg
